import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isObject, type Json } from '../../lib/json.ts';
import { parseExact } from '../../lib/json-exact.ts';
import { chatFormat } from '../../lib/replay/chat.ts';
import { completionsFormat } from '../../lib/replay/completions.ts';
import type { ReplayEvent, StreamFormat } from '../../lib/replay/format.ts';
import { geminiFormat } from '../../lib/replay/gemini.ts';
import { messagesFormat } from '../../lib/replay/messages.ts';
import { replayAs } from '../../lib/replay/replay.ts';
import { responsesFormat } from '../../lib/replay/responses.ts';
import { objectText, spelling } from '../json/spelling.ts';

interface Sample {
  readonly format: StreamFormat;
  /** A stored answer with an object, and with a number, in all places where a provider may have some. */
  stored(object: string, number: string): string;
  /** Where the object, as text or as a value, is in what is collected, and where the number is. */
  readonly objects: readonly (readonly (string | number)[])[];
  readonly numbers: readonly (readonly (string | number)[])[];
}

const SAMPLES: Record<string, Sample> = {
  chat: {
    format: chatFormat,
    stored: (object, number) =>
      `{"id":"c","object":"chat.completion","created":${number},"model":"m","x":${object},"choices":[{"index":0,"y":${object},` +
      `"message":{"role":"assistant","content":null,"z":${object},"tool_calls":[{"id":"t","type":"function",` +
      `"function":{"name":"f","arguments":${object}}}]},"logprobs":{"content":[{"token":"t","logprob":${number},` +
      `"top_logprobs":[]}]},"finish_reason":"tool_calls"}],"usage":{"total_tokens":${number},"cost":${object}}}`,
    objects: [
      ['x'],
      ['choices', 0, 'y'],
      ['choices', 0, 'message', 'z'],
      ['choices', 0, 'message', 'tool_calls', 0, 'function', 'arguments'],
      ['usage', 'cost'],
    ],
    numbers: [['created'], ['usage', 'total_tokens'], ['choices', 0, 'logprobs', 'content', 0, 'logprob']],
  },
  completions: {
    format: completionsFormat,
    stored: (object, number) =>
      `{"id":"c","object":"text_completion","created":${number},"model":"m","x":${object},"choices":[{"text":"some words",` +
      `"index":0,"y":${object},"logprobs":{"tokens":["some words"],"token_logprobs":[${number}]},` +
      `"finish_reason":"stop"}],"usage":{"total_tokens":${number}}}`,
    objects: [['x'], ['choices', 0, 'y']],
    numbers: [['created'], ['usage', 'total_tokens'], ['choices', 0, 'logprobs', 'token_logprobs', 0]],
  },
  responses: {
    format: responsesFormat,
    stored: (object, number) =>
      `{"id":"r","object":"response","created_at":${number},"model":"m","status":"completed","x":${object},"output":[` +
      `{"id":"m","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"words",` +
      `"annotations":[{"type":"a","at":${number},"y":${object}}],"logprobs":[]}]},` +
      `{"id":"s","type":"some_call","action":${object},"took":${number}}],"usage":{"total_tokens":${number}}}`,
    objects: [['x'], ['output', 0, 'content', 0, 'annotations', 0, 'y'], ['output', 1, 'action']],
    numbers: [
      ['created_at'],
      ['usage', 'total_tokens'],
      ['output', 1, 'took'],
      ['output', 0, 'content', 0, 'annotations', 0, 'at'],
    ],
  },
  messages: {
    format: messagesFormat,
    stored: (object, number) =>
      `{"id":"m","type":"message","role":"assistant","model":"m","x":${object},"content":[{"type":"text","text":"words",` +
      `"citations":[{"type":"c","at":${number}}]},{"type":"tool_use","id":"t","name":"f","input":${object}},` +
      `{"type":"mcp_tool_use","id":"u","name":"g","input":${object}}],` +
      `"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":${number},"output_tokens":${number}}}`,
    objects: [['x'], ['content', 1, 'input'], ['content', 2, 'input']],
    numbers: [
      ['content', 0, 'citations', 0, 'at'],
      ['usage', 'input_tokens'],
      ['usage', 'output_tokens'],
    ],
  },
  gemini: {
    format: geminiFormat,
    stored: (object, number) =>
      `{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"Some words, and more words."},{"functionCall":` +
      `{"name":"f","args":${object}}}]},"finishReason":"STOP","avgLogprobs":${number},"y":${object}}],` +
      `"usageMetadata":{"totalTokenCount":${number}},"x":${object},"responseId":"r"}`,
    objects: [['x'], ['candidates', 0, 'y'], ['candidates', 0, 'content', 'parts', 1, 'functionCall', 'args']],
    numbers: [
      ['candidates', 0, 'avgLogprobs'],
      ['usageMetadata', 'totalTokenCount'],
    ],
  },
};

const NOTABLE = '{"id":9007199254740993,"big":1e400,"one":1.0,"zero":-0,"list":[1.50,[-0.0]],"plain":7}';

describe.each(Object.entries(SAMPLES))('numbers in %s', (_name, { format, stored, objects, numbers }) => {
  function replayed(text: string): ReplayEvent[] {
    const options = { pieceLength: 8, includeUsage: true };
    const events = replayAs(format, new TextEncoder().encode(text), 'application/json', options);
    if (events === null) throw new Error('The answer was not replayed.');
    return events;
  }

  function expectSpelled(object: string, number: string) {
    const whole = format.collect(replayed(stored(object, number)));
    for (const path of objects) expect(textAt(whole, path), path.join('.')).toBe(object);
    for (const path of numbers) expect(textAt(whole, path), path.join('.')).toBe(number);
  }

  test.each(['9007199254740993', '1e400', '1.0', '0.0', '-0', '12', '-3.50'])('are spelled as stored: %s', (number) => {
    expectSpelled(NOTABLE, number);
  });

  test('are spelled as stored, whatever they are', () => {
    fc.assert(fc.property(objectText, spelling, expectSpelled), { numRuns: 200 });
  });

  test.each(['1', '1.0'])(
    '%s in an answer that is nested too deeply: it has no stream, not one of its text alone',
    (number) => {
      const deep = `{"a":${'['.repeat(50_000)}${number}${']'.repeat(50_000)}}`;
      for (const contentType of ['application/json', null]) {
        const options = { pieceLength: 8, includeUsage: true };
        const bytes = new TextEncoder().encode(stored(deep, number));
        expect(replayAs(format, bytes, contentType, options)).toBeNull();
      }
    },
  );
});

/** What is at a path, written; of an object that a format has as text, that text. */
function textAt(value: Json, path: readonly (string | number)[]): string {
  let here: Json | undefined = value;
  for (const step of path) {
    if (typeof step === 'number') here = Array.isArray(here) ? here[step] : undefined;
    else here = isObject(here) ? here[step] : undefined;
  }
  return typeof here === 'string' ? here : JSON.stringify(here);
}

describe('indexes that are spelled with a fraction', () => {
  const collect = (format: StreamFormat, ...data: string[]) =>
    JSON.stringify(format.collect(data.map((text) => ({ data: text }))));

  test('chat: choices and tool calls', () => {
    const choice = (index: string, delta: string) => `{"choices":[{"index":${index},"delta":${delta}}]}`;
    const call = (index: string, text: string) =>
      `{"tool_calls":[{"index":${index},"function":{"arguments":"${text}"}}]}`;
    const whole = parseExact(
      collect(
        chatFormat,
        choice('1.0', '{"content":"b"}'),
        choice('0.0', call('1.0', 'c')),
        choice('0', call('0.0', 'a')),
        choice('0.0', call('0', 'b')),
      ),
    );
    expect(whole).toMatchObject({
      choices: [
        { index: 0, message: { tool_calls: [{ function: { arguments: 'ab' } }, { function: { arguments: 'c' } }] } },
        { index: 1, message: { content: 'b' } },
      ],
    });
  });

  test('messages: blocks', () => {
    const whole = collect(
      messagesFormat,
      '{"type":"message_start","message":{"content":[]}}',
      '{"type":"content_block_start","index":0.0,"content_block":{"type":"text","text":""}}',
      '{"type":"content_block_delta","index":0e0,"delta":{"type":"text_delta","text":"a"}}',
      '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"b"}}',
    );
    expect(parseExact(whole)).toMatchObject({ content: [{ type: 'text', text: 'ab' }] });
  });

  test('responses: items and parts', () => {
    const at = '"output_index":0.0,"content_index":0.0';
    const whole = collect(
      responsesFormat,
      '{"type":"response.created","response":{"output":[]}}',
      '{"type":"response.output_item.added","output_index":0,"item":{"type":"message","content":[]}}',
      `{"type":"response.content_part.added",${at},"part":{"type":"output_text","text":""}}`,
      `{"type":"response.output_text.delta",${at},"delta":"a"}`,
    );
    expect(parseExact(whole)).toMatchObject({ output: [{ content: [{ text: 'a' }] }] });
  });

  test('gemini: candidates', () => {
    const frame = (index: string, text: string) =>
      `{"candidates":[{"index":${index},"content":{"parts":[{"text":"${text}"}]}}]}`;
    const whole = collect(geminiFormat, frame('1.0', 'c'), frame('0.0', 'a'), frame('0', 'b'));
    expect(parseExact(whole)).toMatchObject({
      candidates: [{ content: { parts: [{ text: 'ab' }] } }, { content: { parts: [{ text: 'c' }] } }],
    });
  });

  test('a time of 0 that is spelled so is none', () => {
    const whole = collect(chatFormat, '{"created":0.0,"choices":[]}', '{"created":1700000000.0,"choices":[]}');
    expect(whole).toContain('"created":1700000000.0');
  });
});
