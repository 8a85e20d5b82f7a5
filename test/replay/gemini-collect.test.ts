import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../lib/json.ts';
import { geminiFormat } from '../../lib/replay/gemini.ts';
import { candidateOf, HEAD, replayed, responseOf, USAGE } from './gemini.fixtures.ts';

function collected(...frames: JsonObject[]): JsonObject | null {
  return geminiFormat.collect(frames.map((frame) => ({ data: JSON.stringify(frame) })));
}

/** A frame of one candidate that has not ended. */
function frame(...parts: JsonObject[]): JsonObject {
  return { candidates: [{ content: { parts, role: 'model' } }], ...HEAD };
}

function collectedParts(...frames: JsonObject[]) {
  return collected(...frames, { candidates: [{ finishReason: 'STOP' }] })?.['candidates'];
}

const withParts = (...parts: JsonObject[]) => [{ content: { parts, role: 'model' }, finishReason: 'STOP' }];

describe('collecting', () => {
  test('joins texts of a kind up to a signature, and nothing else', () => {
    const call = { functionCall: { name: 'f', args: {} } };
    expect(
      collectedParts(
        frame({ text: 'T1', thought: true }),
        frame({ text: 'T2', thought: true }, { text: 'a' }),
        frame({ text: 'b', thoughtSignature: 's' }, { text: 'c' }),
        frame(call, call),
        frame({ text: 'd' }),
        frame({ text: '', thoughtSignature: 't' }),
      ),
    ).toEqual(
      withParts({ text: 'T1T2', thought: true }, { text: 'ab', thoughtSignature: 's' }, { text: 'c' }, call, call, {
        text: 'd',
        thoughtSignature: 't',
      }),
    );
  });

  test('takes the latest of what each frame repeats', () => {
    expect(
      collected(
        { ...frame({ text: 'a' }), usageMetadata: { promptTokenCount: 9, totalTokenCount: 10 } },
        { candidates: [{ finishReason: 'STOP', safetyRatings: [1] }], usageMetadata: USAGE, ...HEAD },
      ),
    ).toEqual({
      candidates: [{ content: { parts: [{ text: 'a' }], role: 'model' }, finishReason: 'STOP', safetyRatings: [1] }],
      usageMetadata: USAGE,
      ...HEAD,
    });
  });

  test('tells candidates apart by index, and by place where there is none', () => {
    const one = (text: string, index?: number) => ({
      content: { parts: [{ text }] },
      ...(index !== undefined && { index }),
    });
    expect(
      collected(
        { candidates: [one('a', 1)] },
        { candidates: [one('b', 0), one('c', 1)] },
        { candidates: [one('d'), one('e')] },
      ),
    ).toEqual({ candidates: [one('bd', 0), one('ace', 1)] });
  });

  test('passes over what is no frame', () => {
    const noise = [{ data: 'not JSON' }, { data: '[]' }, { data: '[DONE]' }];
    const events = replayed(responseOf(candidateOf([{ text: 'One two three four.' }])));
    const expected = responseOf(candidateOf([{ text: 'One two three four.' }]));
    expect(geminiFormat.collect(events.flatMap((event) => [...noise, event]))).toEqual(expected);
  });

  test('finds no response without a frame, or when the stream failed on the way', () => {
    const failure = geminiFormat.error({ message: 'No', type: 'x', code: null, status: 500 });
    const events = replayed(responseOf(candidateOf([{ text: 'One two three four.' }])));
    expect(geminiFormat.collect([])).toBeNull();
    expect(collected(HEAD, {})).toBeNull();
    expect(geminiFormat.collect([...events.slice(0, 1), failure])).toBeNull();
  });
});
