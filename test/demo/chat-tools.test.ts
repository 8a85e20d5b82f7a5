import { describe, expect, test } from 'vitest';
import { call, json, text, weather } from './call.ts';

const path = '/v1/chat/completions';
const tools = [
  { type: 'function', function: { name: 'weather', parameters: weather } },
  { type: 'function', function: { name: 'ping' } },
];
const lyon = { messages: [{ role: 'user', content: 'Lyon' }], tools };

describe('tool calls', () => {
  const called = (name: string) => ({ type: 'function', id: expect.stringMatching(/^call_/), function: { name } });

  test.each([
    ['required', { tool_choice: 'required' }, ['weather', 'ping']],
    ['required, one at a time', { tool_choice: 'required', parallel_tool_calls: false }, ['weather']],
    ['a named function', { tool_choice: { type: 'function', function: { name: 'ping' } } }, ['ping']],
    ['the model that likes to', { model: 'demo-tools' }, ['weather', 'ping']],
  ])('%s', async (_, extra, names) => {
    const answer = await json(await call(path, { ...lyon, ...extra }));
    expect(answer).toMatchObject({
      choices: [{ message: { content: null, tool_calls: names.map(called) }, finish_reason: 'tool_calls' }],
    });
  });

  test.each([
    ['auto', { tool_choice: 'auto' }],
    ['none', { tool_choice: 'none', model: 'demo-tools' }],
  ])('%s: none', async (_, extra) => {
    expect(await text(await call(path, { ...lyon, ...extra }))).toContain('You said: “Lyon”');
  });

  test('are not made again on a tool result', async () => {
    const messages = [...lyon.messages, { role: 'tool', tool_call_id: 'call_1', content: 'Sunny' }];
    const answer = await text(await call(path, { ...lyon, model: 'demo-tools', messages }));
    expect(answer).toContain('The tool answered: “Sunny”.');
  });

  test('of a function that is not offered are refused', async () => {
    const answer = await call(path, { ...lyon, tool_choice: { type: 'function', function: { name: 'nope' } } });
    expect(answer.status).toBe(400);
    expect(await json(answer)).toMatchObject({ error: { param: 'tools' } });
  });

  test('stay small for a schema that refers to itself', async () => {
    const node = { type: 'object', properties: Object.fromEntries([...'abcdefgh'].map((key) => [key, { $ref: '#' }])) };
    const endless = [{ type: 'function', function: { name: 'tree', parameters: node } }];
    const answer = await call(path, { ...lyon, tools: endless, tool_choice: 'required' });
    expect((await text(answer)).length).toBeLessThan(100_000);
  });
});
