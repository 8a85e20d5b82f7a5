import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../lib/json.ts';
import { ARRAY_END, arrayPiece, arrayPieces } from '../../lib/replay/gemini/array.ts';
import { geminiFormat } from '../../lib/replay/gemini.ts';
import {
  anyResponse,
  candidateOf,
  candidatesOf,
  framesOf,
  HEAD,
  normal,
  OPTIONS,
  oddResponse,
  partsOf,
  replayed,
  responseOf,
  USAGE,
} from './gemini.fixtures.ts';

const ERROR = { message: 'No', type: 'SOME_TYPE', code: 'some_code', status: 400 };
const sizes = fc.integer({ min: 1, max: 60 });

describe('a replayed response', () => {
  test('is frames that each are a response, the last one with all that is known at the end', () => {
    const late = {
      safetyRatings: [{ category: 'HARM', probability: 'LOW' }],
      citationMetadata: { citationSources: [{ uri: 'u' }] },
      groundingMetadata: { groundingChunks: [] },
      avgLogprobs: -0.5,
    };
    const response = { ...responseOf(candidateOf([{ text: 'One two three four.' }], late)), x: 1 };
    expect(framesOf(replayed(response))).toEqual([
      { candidates: [{ content: { parts: [{ text: 'One two ' }], role: 'model' }, index: 0 }], ...HEAD },
      {
        candidates: [candidateOf([{ text: 'three four.' }], late)],
        usageMetadata: USAGE,
        x: 1,
        ...HEAD,
      },
    ]);
  });

  test('keeps thoughts apart from the answer, and a signature at the end of what it signs', () => {
    const thought = { text: 'One two three four.', thought: true, thoughtSignature: 's' };
    expect(partsOf(replayed(responseOf(candidateOf([thought, { text: 'Hi', thoughtSignature: 't' }]))))).toEqual([
      [{ text: 'One two ', thought: true }],
      [{ text: 'three four.', thought: true, thoughtSignature: 's' }],
      [{ text: 'Hi', thoughtSignature: 't' }],
    ]);
  });

  test('gives whole whatever is no text', () => {
    const parts = [
      { functionCall: { name: 'weather', args: { city: 'a city with a long name' } }, thoughtSignature: 's' },
      { inlineData: { mimeType: 'image/png', data: 'a'.repeat(100) } },
      { executableCode: { language: 'PYTHON', code: 'print("one two three four")' } },
      { codeExecutionResult: { outcome: 'OUTCOME_OK', output: 'one two three four' } },
      { text: '', thoughtSignature: 'only this' },
      { text: 'one two three four', thought: 'odd' },
      {},
    ];
    expect(partsOf(replayed(responseOf(candidateOf(parts))))).toEqual(parts.map((part) => [part]));
  });

  test('lets several candidates keep the pace of the first, which is first in every frame', () => {
    const words = (count: number, word: string) => ({ text: word.repeat(count) });
    const stored = responseOf(
      candidateOf([words(20, 'eins zwei ')], { index: 2 }),
      candidateOf([words(3, 'one two___ ')], { index: 0 }),
      candidateOf([words(1, 'un')], { index: 1, finishReason: 'SAFETY' }),
    );
    const lists = candidatesOf(replayed(stored));
    expect(lists.map((list) => list.map(({ index }) => index))).toEqual([
      [0, 2],
      [0, 2],
      [0, 1, 2],
    ]);
    expect(lists.map((list) => list.map(({ finishReason }) => finishReason))).toEqual([
      [undefined, undefined],
      [undefined, undefined],
      ['STOP', 'SAFETY', 'STOP'],
    ]);
    expect(geminiFormat.collect(replayed(stored))).toEqual(normal(stored));
  });

  test('tells a blocked prompt in one frame, and of a prompt’s feedback first', () => {
    const promptFeedback = { blockReason: 'SAFETY', safetyRatings: [] };
    const blocked = { promptFeedback, usageMetadata: { promptTokenCount: 4 }, ...HEAD };
    expect(framesOf(replayed(blocked))).toEqual([blocked]);
    const frames = framesOf(
      replayed({ ...responseOf(candidateOf([{ text: 'One two three four.' }])), promptFeedback }),
    );
    expect(frames.map((frame) => frame['promptFeedback'])).toEqual([promptFeedback, undefined]);
  });

  test.each([{}, { role: 'model' }, { role: 'model', parts: [] }])('needs no parts: %o', (content) => {
    const response = responseOf({ content, finishReason: 'MAX_TOKENS', index: 0 });
    expect(framesOf(replayed(response))).toEqual([response]);
  });

  test('is nothing but data, whose lines a client may not take apart, without a closing mark or heartbeats', () => {
    fc.assert(
      fc.property(anyResponse, (response) => {
        for (const event of replayed(response)) {
          expect(Object.keys(event)).toEqual(['data']);
          expect(event.data).toMatch(/^\{[^\r\n]*\}$/);
        }
      }),
    );
    expect(geminiFormat.heartbeat).toBeNull();
  });

  test('has each frame on one line, also to Python', () => {
    const ends = ['\n', '\r', '\v', '\f', '\x1c', '\x1d', '\x1e', '\x85', '\u2028', '\u2029'];
    const text = ends.join('');
    const events = [...replayed(responseOf(candidateOf([{ text }]))), geminiFormat.error({ ...ERROR, message: text })];
    expect(events.flatMap(({ data }) => ends.filter((end) => data.includes(end)))).toEqual([]);
    expect(geminiFormat.collect(events.slice(0, -1))).toEqual(responseOf(candidateOf([{ text }])));
  });

  test('is the same every time', () => {
    fc.assert(
      fc.property(fc.oneof(anyResponse, oddResponse), sizes, (response, pieceLength) => {
        const options = { ...OPTIONS, pieceLength };
        const copy = structuredClone(response);
        const events = replayed(response, options);
        expect(response).toStrictEqual(copy);
        expect(replayed(response, options)).toStrictEqual(events);
        expect(replayed(copy, options)).toStrictEqual(events);
      }),
    );
  });

  test('is null for what is no response', () => {
    const error = { code: 500, message: 'No', status: 'INTERNAL' };
    for (const other of [{}, HEAD, { choices: [] }, { candidates: 'x' }, { error }, { error, candidates: [] }])
      expect(geminiFormat.replay(other, OPTIONS)).toBeNull();
  });
});

describe('a replay collected', () => {
  test('is the stored response, adjacent texts joined', () => {
    fc.assert(
      fc.property(anyResponse, sizes, (response, pieceLength) => {
        const options = { ...OPTIONS, pieceLength };
        const stored = normal(response);
        expect(geminiFormat.collect(replayed(stored, options))).toStrictEqual(stored);
        expect(geminiFormat.collect(replayed(response, options))).toStrictEqual(stored);
      }),
      { numRuns: 500 },
    );
  });

  test('is the stored response without what is none, where that is odd', () => {
    fc.assert(
      fc.property(oddResponse, sizes, (response, pieceLength) => {
        const events = replayed(response, { ...OPTIONS, pieceLength });
        expect(geminiFormat.collect(events)).toStrictEqual(normal(response));
      }),
      { numRuns: 500 },
    );
  });
});

describe('the form of a JSON array', () => {
  test('is one JSON text of all frames', () => {
    fc.assert(
      fc.property(anyResponse, (response) => {
        const events = replayed(response);
        const pieces = arrayPieces(events);
        expect(pieces).toEqual([...events.map(arrayPiece), ARRAY_END]);
        expect(parseJson(pieces.join(''))).toEqual(framesOf(events));
      }),
    );
  });

  test('begins with a bracket, has each frame on a line of its own and can be empty', () => {
    const [one, two] = [{ data: '{"a":1}' }, { data: '{"b":2}' }];
    expect(arrayPieces([one, two])).toEqual(['[{"a":1}', ',\n{"b":2}', '\n]']);
    expect(arrayPieces([])).toEqual(['[]']);
  });
});

describe('an error', () => {
  test.each([
    [400, 'INVALID_ARGUMENT'],
    [401, 'UNAUTHENTICATED'],
    [403, 'PERMISSION_DENIED'],
    [404, 'NOT_FOUND'],
    [409, 'ABORTED'],
    [413, 'INVALID_ARGUMENT'],
    [429, 'RESOURCE_EXHAUSTED'],
    [499, 'CANCELLED'],
    [500, 'INTERNAL'],
    [502, 'UNAVAILABLE'],
    [503, 'UNAVAILABLE'],
    [504, 'DEADLINE_EXCEEDED'],
    [508, 'INTERNAL'],
  ])('of status %d is %s', (status, name) => {
    const { event, data } = geminiFormat.error({ ...ERROR, status });
    expect(event).toBeUndefined();
    expect(parseJson(data)).toEqual({ error: { code: status, message: 'No', status: name, reason: 'some_code' } });
  });

  test('has no reason where the gateway has no code', () => {
    const { data } = geminiFormat.error({ ...ERROR, code: null });
    expect(parseJson(data)).toEqual({ error: { code: 400, message: 'No', status: 'INVALID_ARGUMENT' } });
  });
});
