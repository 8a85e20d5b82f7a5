import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isObject } from '../../lib/json.ts';
import { chatFormat } from '../../lib/replay/chat.ts';
import {
  anyCompletion,
  chunksOf,
  clientOf,
  completionOf,
  deltasOf,
  framesOf,
  OPTIONS,
  replayed,
  toolCallsOf,
  USAGE,
} from './chat.fixtures.ts';

const CALL = { id: 'call_a', type: 'function', function: { name: 'weather', arguments: '{"city":"Berlin"}' } };
const OTHER_CALL = { id: 'call_b', type: 'custom', custom: { name: 'shell', input: 'ls -la /tmp' } };

describe('a chat replay', () => {
  test('is role, text, finish reason, usage and the closing mark', () => {
    const completion = {
      ...completionOf({ content: 'One two three four.' }),
      service_tier: 'default',
      system_fingerprint: 'fp',
    };
    const head = {
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 1_700_000_000,
      model: 'gpt-5',
      service_tier: 'default',
      system_fingerprint: 'fp',
    };
    const events = replayed(completion);
    const choice = (delta: object, finish_reason: string | null = null) => ({
      ...head,
      usage: null,
      choices: [{ index: 0, delta, finish_reason }],
    });
    expect(chunksOf(events)).toEqual([
      choice({ role: 'assistant', content: '', refusal: null }),
      choice({ content: 'One two ' }),
      choice({ content: 'three four.' }),
      choice({}, 'stop'),
      { ...head, choices: [], usage: USAGE },
    ]);
    expect(events.at(-1)).toEqual({ data: '[DONE]' });
  });

  test('says nothing of usage to a caller who did not ask', () => {
    const events = replayed(completionOf({ content: 'Hi' }), { ...OPTIONS, includeUsage: false });
    expect(chunksOf(events).filter((chunk) => 'usage' in chunk)).toEqual([]);
  });

  test('tells a call first by its name, then its arguments in pieces', () => {
    const events = replayed(completionOf({ tool_calls: [CALL] }));
    const [first, ...pieces] = toolCallsOf(events);
    expect(first).toEqual({ index: 0, id: 'call_a', type: 'function', function: { name: 'weather', arguments: '' } });
    expect(pieces.length).toBeGreaterThan(1);
    for (const piece of pieces) expect(piece).toEqual({ index: 0, function: { arguments: expect.any(String) } });
  });

  test('thinks before it answers, and passes on once what has no deltas', () => {
    const message = {
      content: 'Hi',
      reasoning_content: 'The user greets me, so I greet back.',
      annotations: [],
      images: [{}],
      x: 1,
    };
    expect(deltasOf(replayed(completionOf(message)))).toEqual([
      { role: 'assistant', content: '', refusal: null },
      { reasoning_content: message.reasoning_content },
      { content: 'Hi' },
      { annotations: [], images: [{}], x: 1 },
      {},
    ]);
  });

  test('carries unknown fields of the completion on its first chunk', () => {
    const chunks = chunksOf(replayed({ ...completionOf({ content: 'Hi' }), citations: ['a'], x_groq: { id: 'r' } }));
    expect(chunks.filter((chunk) => 'citations' in chunk && 'x_groq' in chunk)).toEqual(chunks.slice(0, 1));
  });

  test('joins content that is stored as parts', () => {
    const content = [{ type: 'text', text: 'One ' }, { type: 'image_url' }, { type: 'text', text: 'two' }];
    expect(deltasOf(replayed(completionOf({ content })))).toContainEqual({ content: 'One two' });
  });

  test('puts tokens with the text that they spell', () => {
    const tokens = ['One ', 'two ', 'three ', 'four.'].map((token) => ({
      token,
      logprob: -1,
      bytes: null,
      top_logprobs: [],
    }));
    const stored = completionOf({ content: 'One two three four.' }, { logprobs: { content: tokens, refusal: null } });
    const told = framesOf(replayed(stored)).map(({ delta, logprobs }) => ({ delta, logprobs }));
    expect(told).toEqual([
      { delta: expect.objectContaining({ content: '' }), logprobs: { content: [], refusal: null } },
      { delta: { content: 'One two ' }, logprobs: { content: tokens.slice(0, 2), refusal: null } },
      { delta: { content: 'three four.' }, logprobs: { content: tokens.slice(2), refusal: null } },
      { delta: {}, logprobs: null },
    ]);
  });

  test('is the same every time, also without id, time and model', () => {
    const bare = { choices: [{ message: { content: 'Hi' } }] };
    expect(replayed(bare)).toEqual(replayed(bare));
    expect(chunksOf(replayed(bare))[0]).toMatchObject({ id: 'chatcmpl-unknown', created: 0, model: 'unknown' });
    fc.assert(
      fc.property(anyCompletion, (completion) => {
        expect(replayed(completion)).toEqual(replayed(structuredClone(completion)));
      }),
    );
  });

  test('is null for what has no choices', () => {
    expect(chatFormat.replay({ output: [] }, OPTIONS)).toBeNull();
    expect(chatFormat.replay({ choices: null }, OPTIONS)).toBeNull();
  });
});

describe('what breaks clients is not sent:', () => {
  const completion = {
    ...completionOf({ content: 'Hi', tool_calls: [CALL, OTHER_CALL] }),
    choices: [1, 0, 2].map((index) => ({
      index,
      message: { role: 'assistant', content: 'Hi', tool_calls: [CALL, OTHER_CALL] },
      logprobs: { content: [{ token: 'Hi', logprob: -1 }], refusal: null },
      finish_reason: 'stop',
    })),
  };
  const events = replayed(completion);

  test('anything but data lines, or heartbeats that are more than a comment', () => {
    for (const event of events) expect(Object.keys(event)).toEqual(['data']);
    expect(chatFormat.heartbeat).toMatch(/^:[^\n]*\n\n$/);
  });

  test('a usage chunk without choices', () => {
    expect(chunksOf(events).filter(({ usage }) => isObject(usage))).toEqual([expect.objectContaining({ choices: [] })]);
  });

  test('a role, a call id or a name twice', () => {
    const json = JSON.stringify(chunksOf(events));
    for (const key of ['"role":', '"id":"call_a"', '"id":"call_b"', '"name":"weather"', '"name":"shell"']) {
      expect(json.split(key).length - 1).toBe(completion.choices.length);
    }
  });

  test('choices opened out of order', () => {
    const opened = framesOf(events).filter(({ delta }) => isObject(delta) && 'role' in delta);
    expect(opened.map(({ index }) => index)).toEqual([0, 1, 2]);
  });

  test('a tool call without index', () => {
    const indexes = toolCallsOf(events).map(({ index }) => index);
    expect(new Set(indexes)).toEqual(new Set([0, 1]));
  });

  test('a token without top_logprobs', () => {
    const tokens = framesOf(events).flatMap(({ logprobs }) => (isObject(logprobs) ? logprobs['content'] : []));
    expect(tokens).toEqual(completion.choices.map(() => ({ token: 'Hi', logprob: -1, top_logprobs: [] })));
  });

  test('an end without a finish reason', () => {
    const unfinished = replayed({ choices: [{ index: 0, message: { content: 'Hi' }, finish_reason: null }] });
    expect(framesOf(unfinished).at(-1)).toEqual({ index: 0, delta: {}, finish_reason: 'stop' });
  });
});

test('an error frame raises in the official client', async () => {
  const error = { message: 'Too much', type: 'server_error', code: 'overloaded', status: 503 };
  const events = [...replayed(completionOf({ content: 'Hi' })).slice(0, 2), chatFormat.error(error)];
  expect(events.at(-1)?.data).toBe(
    '{"error":{"message":"Too much","type":"server_error","param":null,"code":"overloaded"}}',
  );
  const stream = await clientOf(events).chat.completions.create({ model: 'm', messages: [], stream: true });
  const chunks: unknown[] = [];
  const read = async () => {
    for await (const chunk of stream) chunks.push(chunk);
  };
  await expect(read()).rejects.toMatchObject({ error: { message: 'Too much' } });
  expect(chunks).toHaveLength(2);
});
