import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type JsonObject, parseJson } from '../../lib/json.ts';
import { messagesFormat } from '../../lib/replay/messages.ts';
import {
  anyMessage,
  deltasOf,
  messageOf,
  normal,
  OPTIONS,
  oddMessage,
  replayed,
  startsOf,
  told,
  USAGE,
} from './messages.fixtures.ts';

const sizes = fc.integer({ min: 1, max: 60 });

describe('a replayed message', () => {
  test('is opened, told block by block, and closed with its usage', () => {
    const { cache_creation, service_tier, inference_geo, ...final } = USAGE;
    const stored = messageOf([{ type: 'text', text: 'One two three four.' }], {
      stop_reason: 'stop_sequence',
      stop_sequence: '.',
    });
    const opened = { ...stored, content: [], stop_reason: null, stop_sequence: null };
    expect(told(replayed(stored))).toEqual([
      {
        type: 'message_start',
        message: { ...opened, usage: { ...USAGE, output_tokens: 0, output_tokens_details: null } },
      },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'One two ' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'three four.' } },
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: { stop_reason: 'stop_sequence', stop_sequence: '.', stop_details: null },
        usage: final,
      },
      { type: 'message_stop' },
    ]);
  });

  test('cites after the text', () => {
    const citations = [
      { type: 'char_location', cited_text: 'a' },
      { type: 'page_location', cited_text: 'b' },
    ];
    const events = replayed(messageOf([{ type: 'text', text: 'Hi', citations }]));
    expect(startsOf(events)).toEqual([{ type: 'text', text: '', citations: [] }]);
    expect(deltasOf(events)).toEqual([
      { type: 'text_delta', text: 'Hi' },
      ...citations.map((citation) => ({ type: 'citations_delta', citation })),
    ]);
  });

  test('thinks in pieces and signs once, but redacted thinking stays whole', () => {
    const redacted = { type: 'redacted_thinking', data: 'opaque and much longer than a piece' };
    const events = replayed(
      messageOf([{ type: 'thinking', thinking: 'One two three four.', signature: 'longer than a piece' }, redacted]),
    );
    expect(startsOf(events)).toEqual([{ type: 'thinking', thinking: '', signature: '' }, redacted]);
    expect(deltasOf(events)).toEqual([
      { type: 'thinking_delta', thinking: 'One two ' },
      { type: 'thinking_delta', thinking: 'three four.' },
      { type: 'signature_delta', signature: 'longer than a piece' },
    ]);
  });

  test.each(['tool_use', 'server_tool_use'])('tells the input of %s as JSON text in pieces', (type) => {
    const input = { city: 'Berlin', days: [1, 2.5, null], nested: { quote: '"\\' } };
    const events = replayed(messageOf([{ type, id: 'toolu_1', name: 'weather', input, caller: { type: 'direct' } }]));
    expect(startsOf(events)).toEqual([{ type, id: 'toolu_1', name: 'weather', input: {}, caller: { type: 'direct' } }]);
    const pieces = deltasOf(events).map(({ partial_json }) => partial_json);
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.join('')).toBe(JSON.stringify(input));
    expect(new Set(deltasOf(events).map(({ type }) => type))).toEqual(new Set(['input_json_delta']));
  });

  test('tells an empty input as one empty piece', () => {
    const events = replayed(messageOf([{ type: 'tool_use', id: 'toolu_1', name: 'now', input: {} }]));
    expect(deltasOf(events)).toEqual([{ type: 'input_json_delta', partial_json: '' }]);
  });

  test('tells a summary in one delta', () => {
    const events = replayed(
      messageOf([{ type: 'compaction', content: 'A long summary of it all.', encrypted_content: 'e' }]),
    );
    expect(startsOf(events)).toEqual([{ type: 'compaction', content: null, encrypted_content: 'e' }]);
    expect(deltasOf(events)).toEqual([
      { type: 'compaction_delta', content: 'A long summary of it all.', encrypted_content: 'e' },
    ]);
  });

  test.each<JsonObject>([
    { type: 'web_search_tool_result', tool_use_id: 's', content: [{ type: 'web_search_result', url: 'u' }] },
    { type: 'mcp_tool_use', id: 'm', name: 'n', server_name: 's', input: { a: 1 } },
    { type: 'hologram', text: 'Something that does not exist yet.' },
    { type: 'text', text: 7 },
    { type: 'text' },
    { type: 'thinking', thinking: null, signature: 's' },
    { type: 'tool_use', id: 't', name: 'n', input: [1] },
    { type: 'compaction', content: null },
    { text: 'no type' },
  ])('gives whole in the start what has no deltas: %o', (block) => {
    const events = replayed(messageOf([block]));
    expect(startsOf(events)).toEqual([block]);
    expect(deltasOf(events)).toEqual([]);
  });

  test('tells again at the end what the format has there, and everything at the start', () => {
    const container = { id: 'c', expires_at: 't' };
    const [context_management, input_transformations] = [{ applied_edits: [] }, [{ type: 'x' }]];
    const late = { context_management, input_transformations };
    const usage = { ...USAGE, iterations: [{ type: 'message' }], speed: 'fast' };
    const events = told(
      replayed(messageOf([], { ...late, container, safeguard_results: [], diagnostics: null, x: 1, usage })),
    );
    expect(events[0]).toMatchObject({
      message: { ...late, container, safeguard_results: [], diagnostics: null, x: 1 },
    });
    expect(events[0]).toMatchObject({ message: { usage: { iterations: usage.iterations, speed: 'fast' } } });
    expect(events[1]).toMatchObject({
      ...late,
      delta: { container, safeguard_results: [] },
      usage: { iterations: usage.iterations },
    });
    expect(events[1]).not.toMatchObject({ usage: { speed: 'fast' } });
  });

  test('numbers its blocks from 0 without gaps, past what is no block', () => {
    const text = (text: string) => ({ type: 'text', text });
    const events = replayed({ ...messageOf([]), content: [text('a'), null, 'b', [], text('c')] });
    expect(told(events).flatMap(({ type, index }) => (type === 'content_block_start' ? [index] : []))).toEqual([0, 1]);
  });

  test('has the counts that clients compute with, also where they are missing', () => {
    const [start, end] = told(replayed({ content: [] }));
    expect(start).toEqual({
      type: 'message_start',
      message: {
        id: 'msg_unknown',
        type: 'message',
        role: 'assistant',
        model: 'unknown',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 0, output_tokens: 0 },
      },
    });
    expect(end).toMatchObject({ delta: { stop_reason: null }, usage: { input_tokens: 0, output_tokens: 0 } });
  });

  test('is the same every time', () => {
    fc.assert(
      fc.property(fc.oneof(anyMessage, oddMessage), sizes, (message, pieceLength) => {
        const options = { ...OPTIONS, pieceLength };
        const copy = structuredClone(message);
        const events = replayed(message, options);
        expect(message).toStrictEqual(copy);
        expect(replayed(message, options)).toStrictEqual(events);
        expect(replayed(copy, options)).toStrictEqual(events);
      }),
    );
  });

  test('is null for what is no message', () => {
    const choices = [{ message: { content: 'Hi' } }];
    for (const other of [{}, { choices }, { content: 'Hi' }, { content: null }, { type: 'error', content: [] }])
      expect(messagesFormat.replay(other, OPTIONS)).toBeNull();
  });
});

describe('a replay collected', () => {
  test('is the stored message', () => {
    fc.assert(
      fc.property(anyMessage, sizes, (message, pieceLength) => {
        expect(messagesFormat.collect(replayed(message, { ...OPTIONS, pieceLength }))).toStrictEqual(message);
      }),
      { numRuns: 500 },
    );
  });

  test('is the stored message with its gaps filled, where that is odd', () => {
    fc.assert(
      fc.property(oddMessage, sizes, (message, pieceLength) => {
        expect(messagesFormat.collect(replayed(message, { ...OPTIONS, pieceLength }))).toStrictEqual(normal(message));
      }),
      { numRuns: 500 },
    );
  });
});

describe('an error', () => {
  const error = { message: 'No', type: 'SOME_TYPE', code: 'some_code', status: 400 };

  test.each([
    [400, 'invalid_request_error'],
    [401, 'authentication_error'],
    [402, 'billing_error'],
    [403, 'permission_error'],
    [404, 'not_found_error'],
    [409, 'conflict_error'],
    [413, 'request_too_large'],
    [422, 'invalid_request_error'],
    [429, 'rate_limit_error'],
    [499, 'invalid_request_error'],
    [500, 'api_error'],
    [502, 'api_error'],
    [503, 'overloaded_error'],
    [504, 'timeout_error'],
    [529, 'overloaded_error'],
  ])('of status %d is %s', (status, type) => {
    const { event, data } = messagesFormat.error({ ...error, status });
    expect(event).toBe('error');
    expect(parseJson(data)).toEqual({
      type: 'error',
      error: { type, message: 'No', code: 'some_code', param: null },
      status,
    });
  });

  test('keeps a type that is Anthropic’s own', () => {
    const { data } = messagesFormat.error({ ...error, type: 'overloaded_error', status: 500 });
    expect(parseJson(data)).toMatchObject({ error: { type: 'overloaded_error' } });
  });
});
