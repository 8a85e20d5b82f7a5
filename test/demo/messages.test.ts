import { describe, expect, test } from 'vitest';
import { isObject, type Json, parseJson } from '../../lib/json.ts';
import { call, events, json, text, weather, weatherInput } from './call.ts';

const path = '/v1/messages';
const hello = { model: 'claude-demo', max_tokens: 100, messages: [{ role: 'user', content: 'Hello there' }] };
const tools = [
  { name: 'weather', input_schema: weather },
  { type: 'web_search_20250305', name: 'web_search' },
];
const lyon = { ...hello, messages: [{ role: 'user', content: [{ type: 'text', text: 'Lyon' }] }], tools };
const said = 'You said: “Hello there”. This is the demo service, answering without a key and without a network.';

/** Puts the events together as Anthropic's clients do; throws on one out of order. */
function accumulate(stream: string): Record<string, unknown> {
  const blocks: Record<string, unknown>[] = [];
  let message: Record<string, unknown> = {};
  let input = '';
  const open = () => blocks.at(-1) ?? {};
  for (const event of events(stream)) {
    const delta = isObject(event['delta']) ? event['delta'] : {};
    const usage = isObject(event['usage']) ? event['usage'] : {};
    switch (event['type']) {
      case 'message_start':
        message = { ...(isObject(event['message']) ? event['message'] : {}) };
        expect(message['content']).toEqual([]);
        break;
      case 'content_block_start':
        expect(event['index']).toBe(blocks.length);
        blocks.push({ ...(isObject(event['content_block']) ? event['content_block'] : {}) });
        input = '';
        break;
      case 'content_block_delta':
        if (delta['type'] === 'text_delta') open()['text'] = `${open()['text']}${delta['text']}`;
        else input += delta['partial_json'];
        break;
      case 'content_block_stop':
        if (open()['type'] === 'tool_use') open()['input'] = parseJson(input);
        break;
      case 'message_delta': {
        const before: Json | unknown = message['usage'];
        message = { ...message, ...delta, usage: { ...(isObject(before) ? before : {}), ...usage } };
        break;
      }
      default:
        expect(['ping', 'message_stop']).toContain(event['type']);
    }
  }
  return { ...message, content: blocks };
}

const anyId = { id: expect.any(String) };

describe('a message', () => {
  test('echoes the last user text in the shape of Anthropic', async () => {
    expect(await json(await call(path, hello))).toEqual({
      id: expect.stringMatching(/^msg_/),
      type: 'message',
      role: 'assistant',
      model: 'claude-demo',
      content: [{ type: 'text', text: said }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: 3, output_tokens: Math.ceil(said.length / 4) },
    });
  });

  test('streams under event names to the same message', async () => {
    const stream = await text(await call(path, { ...hello, stream: true }));
    const names = [...stream.matchAll(/^event: (.*)$/gm)].map(([, name]) => name);
    expect(names).toEqual(events(stream).map((event) => event['type']));
    expect(names[0]).toBe('message_start');
    expect(names.at(-1)).toBe('message_stop');
    const whole = await json(await call(path, hello));
    expect(accumulate(stream)).toEqual({ ...whole, ...anyId });
  });
});

describe('tool use', () => {
  test.each([
    ['any', { tool_choice: { type: 'any' } }],
    ['a named tool', { tool_choice: { type: 'tool', name: 'weather' } }],
    ['the model that likes to', { model: 'demo-tools' }],
  ])('%s, whole and streamed', async (_, extra) => {
    const whole = await json(await call(path, { ...lyon, ...extra }));
    const content = [{ type: 'tool_use', id: expect.stringMatching(/^toolu_/), name: 'weather', input: weatherInput }];
    expect(whole).toMatchObject({ content, stop_reason: 'tool_use' });
    const streamed = accumulate(await text(await call(path, { ...lyon, ...extra, stream: true })));
    expect(streamed).toEqual({ ...whole, ...anyId, content });
  });

  test('ends with the result', async () => {
    const result = { type: 'tool_result', tool_use_id: 'toolu_1', content: [{ type: 'text', text: 'Sunny' }] };
    const messages = [...lyon.messages, { role: 'user', content: [result] }];
    const answer = await text(await call(path, { ...lyon, model: 'demo-tools', messages }));
    expect(answer).toContain('The tool answered: “Sunny”.');
  });
});
