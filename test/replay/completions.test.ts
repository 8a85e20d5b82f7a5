import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isObject, type JsonObject, parseJson } from '../../lib/json.ts';
import { chatFormat } from '../../lib/replay/chat.ts';
import { completionsFormat } from '../../lib/replay/completions.ts';
import type { ReplayEvent } from '../../lib/replay/format.ts';
import { anyMangled } from './mangled.ts';

const OPTIONS = { pieceLength: 10, includeUsage: true };
const USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };

function replayed(completion: JsonObject, options = OPTIONS): ReplayEvent[] {
  const events = completionsFormat.replay(completion, options);
  if (!events) throw new Error('The completion was not replayed.');
  return events;
}

function chunksOf(events: readonly ReplayEvent[]): JsonObject[] {
  return events.map(({ data }) => parseJson(data)).filter(isObject);
}

function collected(...chunks: JsonObject[]): JsonObject | null {
  return completionsFormat.collect([...chunks.map((chunk) => ({ data: JSON.stringify(chunk) })), { data: '[DONE]' }]);
}

function completionOf(choices: JsonObject[], fields: JsonObject = {}): JsonObject {
  const head = { id: 'cmpl-1', object: 'text_completion', created: 1_700_000_000, model: 'davinci' };
  return { ...head, choices, usage: USAGE, ...fields };
}

const LOGPROBS = {
  tokens: ['One ', 'two ', 'three ', 'four.'],
  token_logprobs: [-1, -2, -3, -4],
  top_logprobs: [{ a: -1 }, { b: -2 }, { c: -3 }, { d: -4 }],
  text_offset: [0, 4, 8, 14],
};

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 80 }), fc.string({ unit: 'binary', maxLength: 60 }));
const name = fc.stringMatching(/^[a-z_]{1,20}$/);
const extras = fc.dictionary(
  name.map((word) => `x_${word}`),
  fc.jsonValue({ maxDepth: 2 }),
  { maxKeys: 2 },
);
const logprobs = fc
  .array(fc.record({ token: text, logprob: fc.constantFrom(-0.5, -9999), offset: fc.nat() }), { maxLength: 20 })
  .chain((tokens) =>
    fc.record(
      {
        tokens: fc.constant(tokens.map(({ token }) => token)),
        token_logprobs: fc.constant(tokens.map(({ logprob }) => logprob)),
        top_logprobs: fc.constantFrom(
          null,
          tokens.map(({ logprob }) => ({ a: logprob })),
        ),
        text_offset: fc.constant(tokens.map(({ offset }) => offset)),
      },
      { requiredKeys: ['tokens', 'token_logprobs'] },
    ),
  );
const choice = fc.record(
  {
    text,
    finish_reason: fc.constantFrom('stop', 'length', 'content_filter'),
    logprobs: fc.option(logprobs, { nil: null }),
    extras,
  },
  { requiredKeys: ['text', 'finish_reason', 'extras'] },
);
const anyCompletion = fc
  .record({ choices: fc.array(choice, { maxLength: 3 }), usage: fc.boolean(), extras })
  .map(({ choices, usage, extras: more }): JsonObject => {
    const indexed = choices.map(({ extras: unknown, ...known }, index) => ({ ...unknown, ...known, index }));
    const stored = parseJson(JSON.stringify(completionOf(indexed, { ...more, ...(!usage && { usage: undefined }) })));
    if (!isObject(stored)) throw new Error('A completion is an object.');
    return stored;
  });

describe('a replay of a legacy completion', () => {
  test('is the text in pieces, the finish reason, the usage and the closing mark', () => {
    const stored = completionOf([{ text: 'One two three four.', index: 0, logprobs: null, finish_reason: 'length' }], {
      system_fingerprint: 'fp',
      x: 1,
    });
    const { choices: _, usage: __, x: ___, ...head } = stored;
    const chunk = (piece: string, finish_reason: string | null = null) => ({
      ...head,
      usage: null,
      choices: [{ text: piece, index: 0, logprobs: null, finish_reason }],
    });
    const events = replayed(stored);
    expect(chunksOf(events)).toEqual([
      { ...chunk('One two '), x: 1 },
      chunk('three four.'),
      chunk('', 'length'),
      { ...head, choices: [], usage: USAGE },
    ]);
    expect(events.at(-1)).toEqual({ data: '[DONE]' });
  });

  test('says nothing of usage to a caller who did not ask', () => {
    const stored = completionOf([{ text: 'Hi', index: 0, finish_reason: 'stop' }]);
    const chunks = chunksOf(replayed(stored, { ...OPTIONS, includeUsage: false }));
    expect(chunks.filter((chunk) => 'usage' in chunk)).toEqual([]);
  });

  test('deals all that runs along with the tokens to the text that they spell', () => {
    const stored = completionOf([{ text: 'One two three four.', index: 0, logprobs: LOGPROBS, finish_reason: 'stop' }]);
    const parts = chunksOf(replayed(stored)).flatMap(({ choices }) => choices);
    const slice = (from: number, to: number) =>
      Object.fromEntries(Object.entries(LOGPROBS).map(([field, list]) => [field, list.slice(from, to)]));
    expect(parts).toMatchObject([{ logprobs: slice(0, 2) }, { logprobs: slice(2, 4) }, { logprobs: null }]);
  });

  test('tells choices one after another, in the order of their index', () => {
    const stored = completionOf([
      { text: 'second', index: 1, finish_reason: 'stop' },
      { text: 'first', index: 0, finish_reason: 'stop' },
    ]);
    expect(chunksOf(replayed(stored)).flatMap(({ choices }) => choices)).toMatchObject([
      { text: 'first', index: 0 },
      { text: '', index: 0, finish_reason: 'stop' },
      { text: 'second', index: 1 },
      { text: '', index: 1, finish_reason: 'stop' },
    ]);
  });

  test('is null for what is none, such as a chat completion', () => {
    for (const stored of [{}, { choices: null }, { choices: [{ message: { content: 'Hi' } }] }, { choices: [1] }])
      expect(completionsFormat.replay(stored, OPTIONS)).toBeNull();
  });

  test('is the same every time, also without id, time and model', () => {
    const bare = { choices: [{ text: 'Hi' }] };
    expect(replayed(bare)).toEqual(replayed(structuredClone(bare)));
    expect(chunksOf(replayed(bare))[0]).toMatchObject({ id: 'cmpl-unknown', created: 0, model: 'unknown' });
  });

  test('fails and waits as Chat Completions do', () => {
    const error = { message: 'No', type: 'server_error', code: null, status: 500 };
    expect(completionsFormat.error(error)).toEqual(chatFormat.error(error));
    expect(completionsFormat.heartbeat).toBe(chatFormat.heartbeat);
  });
});

describe('collecting a stream of a legacy completion', () => {
  test('gives what was replayed, whatever the size of its pieces', () => {
    fc.assert(
      fc.property(anyCompletion, fc.integer({ min: 1, max: 60 }), (completion, pieceLength) => {
        const events = replayed(completion, { pieceLength, includeUsage: true });
        expect(completionsFormat.collect(events)).toStrictEqual(completion);
      }),
      { numRuns: 500 },
    );
  });

  test('takes interleaved choices, repeated fields and a usage on the last choice', () => {
    const chunk = (index: number, piece: string, more: JsonObject = {}) => ({
      id: 'x',
      choices: [{ index, text: piece, finish_reason: null, ...more }],
    });
    expect(
      collected(chunk(1, 'a'), chunk(0, 'b'), chunk(1, 'c', { finish_reason: 'stop' }), {
        ...chunk(0, '', { finish_reason: 'length' }),
        usage: USAGE,
      }),
    ).toEqual({
      id: 'x',
      object: 'text_completion',
      created: 0,
      model: 'unknown',
      usage: USAGE,
      choices: [
        { index: 0, text: 'b', finish_reason: 'length' },
        { index: 1, text: 'ac', finish_reason: 'stop' },
      ],
    });
  });

  test('gives nothing without a chunk, and nothing of a stream that failed on the way', () => {
    expect(collected()).toBeNull();
    const [opening, ...rest] = replayed(completionOf([{ text: 'Hi', index: 0, finish_reason: 'stop' }]));
    const failure = completionsFormat.error({ message: 'No', type: 'server_error', code: null, status: 500 });
    expect(opening && completionsFormat.collect([opening, failure, ...rest])).toBeNull();
  });
});

test('nothing that is stored or streamed makes it throw', () => {
  fc.assert(
    fc.property(anyMangled(anyCompletion), (stored) => {
      const events = completionsFormat.replay(stored, OPTIONS) ?? [];
      expect(events.every(({ data }) => typeof data === 'string')).toBe(true);
    }),
    { numRuns: 1000 },
  );
  const chunks = anyCompletion.map((completion): JsonObject => ({ chunks: chunksOf(replayed(completion)) }));
  fc.assert(
    fc.property(anyMangled(chunks), ({ chunks: list }) => {
      const events = Array.isArray(list) ? list.map((chunk) => ({ data: JSON.stringify(chunk) })) : [];
      const completion = completionsFormat.collect(events);
      expect(completion === null || isObject(completion)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});
