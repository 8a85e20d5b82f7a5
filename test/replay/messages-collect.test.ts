import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../lib/json.ts';
import { messagesFormat } from '../../lib/replay/messages.ts';
import { messageOf, replayed } from './messages.fixtures.ts';

const START = {
  type: 'message_start',
  message: { id: 'msg_1', model: 'm', content: [], usage: { input_tokens: 3, output_tokens: 1 } },
};
const block = (index: number, content_block: JsonObject) => ({ type: 'content_block_start', index, content_block });
const delta = (index: number, delta: JsonObject) => ({ type: 'content_block_delta', index, delta });
const text = (index: number, text: string) => delta(index, { type: 'text_delta', text });

function collected(...events: JsonObject[]): JsonObject | null {
  return messagesFormat.collect(events.map((event) => ({ event: String(event['type']), data: JSON.stringify(event) })));
}

function contentOf(...events: JsonObject[]) {
  return collected(START, ...events)?.['content'];
}

describe('collecting copes with', () => {
  test('pings, events that are none, and kinds that do not exist yet', () => {
    const ping = { event: 'ping', data: '{"type":"ping"}' };
    const noise = [{ data: 'not JSON' }, { data: '[]' }, { event: 'x', data: '{"type":"x"}' }];
    const events = replayed(messageOf([{ type: 'text', text: 'One two three four.' }]));
    const noisy = events.flatMap((event) => [ping, ...noise, event]);
    expect(messagesFormat.collect(noisy)).toEqual(messageOf([{ type: 'text', text: 'One two three four.' }]));
    expect(contentOf(block(0, { type: 'text', text: '' }), delta(0, { type: 'smell_delta', smell: 'a' }))).toEqual([
      { type: 'text', text: '' },
    ]);
  });

  test('blocks that are interleaved, and deltas of none', () => {
    const [one, other] = [block(0, { type: 'text', text: '' }), block(1, { type: 'text', text: '' })];
    expect(contentOf(one, other, text(1, 'b'), text(0, 'a'), text(1, 'd'), text(0, 'c'), text(2, 'x'))).toEqual([
      { type: 'text', text: 'ac' },
      { type: 'text', text: 'bd' },
    ]);
  });

  test('text that is in the start already, and citations without a list', () => {
    const citation = { type: 'char_location' };
    expect(
      contentOf(
        block(0, { type: 'text', text: 'a', citations: null }),
        text(0, 'b'),
        delta(0, { type: 'citations_delta', citation }),
      ),
    ).toEqual([{ type: 'text', text: 'ab', citations: [citation] }]);
  });

  test('tool input in the start, in pieces, or cut off', () => {
    const call = { type: 'tool_use', id: 't', name: 'n' };
    const json = (index: number, partial_json: string) => delta(index, { type: 'input_json_delta', partial_json });
    const starts = [0, 1, 2, 3].map((index) => block(index, { ...call, input: index === 0 ? { a: 1 } : {} }));
    expect(contentOf(...starts, json(0, ''), json(1, ''), json(2, '{"a"'), json(2, ':2}'), json(3, '{"a":'))).toEqual([
      { ...call, input: { a: 1 } },
      { ...call, input: {} },
      { ...call, input: { a: 2 } },
      { ...call, input: '{"a":' },
    ]);
  });

  test('content in the start of the message, and a start that is repeated', () => {
    const call = { type: 'tool_use', id: 't', name: 'n', input: { a: 1 } };
    const start = { type: 'message_start', message: { ...START.message, content: [call] } };
    expect(
      collected(start, { ...START, message: { id: 'msg_2' } }, block(0, { type: 'text', text: '' }), text(0, 'a')),
    ).toMatchObject({
      id: 'msg_1',
      content: [call, { type: 'text', text: 'a' }],
    });
  });

  test('usage that comes in parts, nulls not counting', () => {
    const end = { type: 'message_delta', delta: { stop_reason: 'end_turn' } };
    expect(
      collected(
        START,
        { ...end, usage: { output_tokens: 5, server_tool_use: null } },
        { ...end, usage: { output_tokens: 7, input_tokens: null } },
      ),
    ).toMatchObject({ stop_reason: 'end_turn', usage: { input_tokens: 3, output_tokens: 7, server_tool_use: null } });
  });

  test('a stream that stops in mid-message', () => {
    const events = replayed(messageOf([{ type: 'text', text: 'One two three four.' }])).slice(0, 3);
    expect(messagesFormat.collect(events)).toMatchObject({ content: [{ text: 'One two ' }], stop_reason: null });
  });
});

describe('there is no message', () => {
  test('without a start', () => {
    expect(messagesFormat.collect([])).toBeNull();
    expect(collected(block(0, { type: 'text', text: 'a' }), { type: 'message_stop' })).toBeNull();
    expect(collected({ type: 'message_start', message: 'x' })).toBeNull();
  });

  test('when the stream failed on the way', () => {
    const failure = messagesFormat.error({ message: 'No', type: 'x', code: null, status: 500 });
    const [opening, ...rest] = replayed(messageOf([]));
    expect(opening && messagesFormat.collect([opening, failure, ...rest])).toBeNull();
    expect(opening && messagesFormat.collect([opening, { event: 'error', data: '{"error":{}}' }])).toBeNull();
  });
});
