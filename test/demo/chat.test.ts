import OpenAI from 'openai';
import { describe, expect, test } from 'vitest';
import { call, events, json, text, weather, weatherInput } from './call.ts';

const path = '/v1/chat/completions';
const hello = { model: 'demo-echo', messages: [{ role: 'user' as const, content: 'Hello 👋 world' }] };
const said = 'You said: “Hello 👋 world”. This is the demo service, answering without a key and without a network.';

/** The official client, with the demo service where the network would be. */
function client(headers: Record<string, string> = {}): OpenAI {
  return new OpenAI({
    apiKey: 'none',
    baseURL: 'https://demo.invalid/v1',
    maxRetries: 0,
    defaultHeaders: headers,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      const answer = await call(new URL(request.url).pathname, undefined, {
        method: request.method,
        headers: Object.fromEntries(request.headers),
        raw: request.body,
        signal: request.signal,
      });
      return new Response(answer.body, { status: answer.status, headers: answer.headers });
    },
  });
}

describe('a completion', () => {
  test('echoes the last user text in the shape of OpenAI', async () => {
    const answer = await call(path, hello);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/json');
    const usage = { prompt_tokens: 4, completion_tokens: 25, total_tokens: 29 };
    expect(await json(answer)).toEqual({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      created: expect.any(Number),
      model: 'demo-echo',
      system_fingerprint: 'fp_demo',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: said, refusal: null, annotations: [] },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage,
    });
    expect(usage.completion_tokens).toBe(Math.ceil(said.length / 4));
  });

  test('reads content parts and passes over what follows the user', async () => {
    const parts = [
      { type: 'text', text: 'look' },
      { type: 'image_url', image_url: {} },
    ];
    const messages = [
      { role: 'user', content: parts },
      { role: 'assistant', content: 'and' },
    ];
    expect(await text(await call(path, { messages }))).toContain('You said: “look”.');
  });

  test('says so when there is no text', async () => {
    const messages = [{ role: 'system', content: 'Be kind' }];
    expect(await text(await call(path, { messages }))).toContain('You sent no text.');
  });
});

describe('a stream', () => {
  test('is framed as OpenAI frames it, and says what the completion says', async () => {
    const answer = await call(path, { ...hello, stream: true, stream_options: { include_usage: true } });
    expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const stream = await text(answer);
    expect(stream).toMatch(/^data: \{/);
    expect(stream.endsWith('\n\ndata: [DONE]\n\n')).toBe(true);
    const chunks = events(stream);
    expect(new Set(chunks.map((chunk) => chunk['id'])).size).toBe(1);
    expect(chunks[0]).toMatchObject({ choices: [{ delta: { role: 'assistant', content: '' } }], usage: null });
    expect(chunks.at(-2)).toMatchObject({ choices: [{ delta: {}, finish_reason: 'stop' }], usage: null });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: 29 } });
    expect(chunks.length).toBeGreaterThan(10);
  });

  test('has no word of usage that was not asked for', async () => {
    expect(await text(await call(path, { ...hello, stream: true }))).not.toContain('usage');
  });

  test('accumulates in the official client to the completion', async () => {
    const openai = client();
    const whole = await openai.chat.completions.create(hello);
    const stream = openai.chat.completions.stream(hello);
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]?.message.content).toBe(said);
    expect(whole.choices[0]?.message.content).toBe(said);
    expect(final.choices[0]?.finish_reason).toBe('stop');
  });

  test('accumulates tool calls in the official client', async () => {
    const stream = client().chat.completions.stream({
      model: 'demo-tools',
      messages: [{ role: 'user', content: 'Lyon' }],
      tools: [
        { type: 'function', function: { name: 'weather', parameters: weather } },
        { type: 'function', function: { name: 'ping', parameters: {} } },
      ],
    });
    const [choice] = (await stream.finalChatCompletion()).choices;
    const calls = choice?.message.tool_calls?.map((made) => made.type === 'function' && made.function);
    expect(choice?.finish_reason).toBe('tool_calls');
    expect(calls).toMatchObject([
      { name: 'weather', arguments: JSON.stringify(weatherInput) },
      { name: 'ping', arguments: '{}' },
    ]);
  });

  test('of an empty answer is a stream still', async () => {
    const answer = await call(path, { ...hello, stream: true }, { headers: { 'x-demo-length': '0' } });
    expect(events(await text(answer))).toHaveLength(2);
  });
});
