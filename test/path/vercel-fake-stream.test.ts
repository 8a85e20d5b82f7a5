import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../lib/config.ts';
import { parseJson } from '../../lib/json.ts';
import { completion, json } from '../harness/answers.ts';
import { Caller, errorIn, objectIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { EventsOf, eventsIn } from '../harness/events.ts';
import type { RunningGateway } from '../harness/gateway.ts';
import { type FakeUpstream, type Handler, startUpstream } from '../harness/upstream.ts';

const TEXT = '你好！这是一个假流式代理。It cuts text into pieces. 好的，没有问题。';
const messages = [{ role: 'user' as const, content: '你好！' }];

/** Whoever ran vercel-fake-stream keeps variables, paths and clients: what its README shows works here. */
describe.each(compositions)('in place of vercel-fake-stream: $name', ({ start }) => {
  let upstream: FakeUpstream;
  let answer: Handler;
  let gateway: RunningGateway;
  let caller: Caller;
  beforeAll(async () => {
    upstream = await startUpstream((request, response, message) => {
      const isModels = request.url === '/v1/models';
      return (isModels ? json({ object: 'list', data: [{ id: 'gpt-4o-mini', object: 'model' }] }) : answer)(
        request,
        response,
        message,
      );
    });
    gateway = await start({
      env: {
        OPENAI_API_KEY: 'sk-of-the-environment',
        SOURCE_API_URL: upstream.url,
        CORS_ALLOW_ORIGIN: 'https://app.example',
        ALLOW_ENV_API_KEY: '1',
        HEARTBEAT_INTERVAL_MS: '20',
        CHUNK_TARGET_LENGTH: '8',
        CHUNK_DELAY_MS: '10',
        DEBUG: '1',
        UPSTREAM_EXTRA_HEADERS_JSON: '{"x-extra":"1"}',
      },
    });
    caller = new Caller(gateway.url, { authorization: 'Bearer sk-of-the-caller' });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });
  const lastCall = () => {
    const call = upstream.received.at(-1);
    return { headers: call?.headers, body: parseJson(call?.body.toString() ?? '') };
  };

  it.each(['/api/chat', '/v1/chat/completions'])(
    '%s: whole, and as a stream that the provider never sent',
    async (path) => {
      answer = json(completion(TEXT));
      const whole = await caller.post(path, { model: 'gpt-4o-mini', messages, stream: false });
      expect(await whole.json()).toEqual(completion(TEXT));
      const events = await eventsIn(await caller.post(path, { model: 'gpt-4o-mini', messages, stream: true }));
      expect(events.at(-1)?.data).toBe('[DONE]');
      const pieces = events.slice(0, -1).map(({ data }) => JSON.parse(data).choices[0].delta.content ?? '');
      expect(pieces.join('')).toBe(TEXT);
      expect(pieces.length).toBeGreaterThan(4);
      const { headers, body } = lastCall();
      expect(body).not.toHaveProperty('stream', true);
      expect(headers).toMatchObject({ authorization: 'Bearer sk-of-the-caller', 'x-extra': '1' });
    },
  );

  it('/api/chat without a model asks for gpt-4o-mini', async () => {
    answer = json(completion('Hi'));
    await caller.post('/api/chat', { messages, temperature: 0.7 });
    expect(lastCall().body).toEqual({ messages, temperature: 0.7, model: 'gpt-4o-mini' });
    await caller.post('/v1/chat/completions', { messages });
    expect(lastCall().body).toEqual({ messages });
  });

  it('heartbeats while the provider works', async () => {
    let go: () => void = () => undefined;
    answer = async (request, response, message) => {
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      return json(completion(TEXT))(request, response, message);
    };
    const events = new EventsOf(await caller.post('/api/chat', { messages, stream: true }));
    await events.heartbeats(3);
    go();
    expect((await events.rest()).at(-1)?.data).toBe('[DONE]');
  });

  it('a late error comes in the stream, with the provider’s words', async () => {
    answer = json({ error: { message: 'told so', type: 'told_type' } }, 429, { 'x-should-retry': 'false' });
    const [event, ...more] = await eventsIn(await caller.post('/api/chat', { messages, stream: true }));
    expect(more).toEqual([]);
    expect(parseJson(event?.data ?? '')).toMatchObject({ error: { message: 'told so', type: 'told_type' } });
  });

  it('an answer in Gemini’s shape is streamed as the text that it has', async () => {
    answer = json({ candidates: [{ content: { parts: [{ text: '一' }, { text: '二' }] }, finishReason: 'STOP' }] });
    const events = await eventsIn(await caller.post('/api/chat', { messages, stream: true }));
    const text = events.slice(0, -1).map(({ data }) => JSON.parse(data).choices[0].delta.content ?? '');
    expect([text.join(''), events.at(-1)?.data]).toEqual(['一二', '[DONE]']);
  });

  it('the key of the environment where the caller brings none', async () => {
    answer = json(completion('Hi'));
    await new Caller(gateway.url).post('/api/chat', { messages });
    expect(lastCall().headers).toMatchObject({ authorization: 'Bearer sk-of-the-environment' });
  });

  it.each(['/api/models', '/v1/models'])('%s: the provider’s list', async (path) => {
    expect(await (await caller.get(path)).json()).toMatchObject({ object: 'list', data: [{ id: 'gpt-4o-mini' }] });
  });

  it('/api/status', async () => {
    expect(await objectIn(await caller.get('/api/status'))).toMatchObject({
      status: 'ok',
      features: { streaming: true, non_streaming: true, models: true, cors: true },
      endpoints: { chat: '/api/chat', status: '/api/status', models: '/api/models', test_page: '/' },
      environment: { has_api_key: true, source_api_url: upstream.url },
    });
  });

  it('CORS for the one origin; another method is 405', async () => {
    const headers = { origin: 'https://app.example' };
    const allowed = await caller.get('/api/models', headers);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example');
    const refused = await caller.get('/api/chat');
    expect([refused.status, (await errorIn(refused)).code]).toEqual([405, 'method_not_allowed']);
  });

  it('the official client, with its base URL changed', async () => {
    answer = json(completion(TEXT));
    const client = new OpenAI({ apiKey: 'sk-of-the-caller', baseURL: `${gateway.url}/v1`, maxRetries: 0 });
    let text = '';
    for await (const chunk of await client.chat.completions.create({ model: 'm', messages, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    expect(text).toBe(TEXT);
  });
});

it('its defaults are the defaults', () => {
  const { heartbeatInterval, chunkTargetLength, chunkDelay, allowedOrigins, allowEnvApiKey, logLevel, defaultService } =
    readConfig({});
  expect({ heartbeatInterval, chunkTargetLength, chunkDelay, allowedOrigins, allowEnvApiKey, logLevel }).toEqual({
    heartbeatInterval: 3_000,
    chunkTargetLength: 30,
    chunkDelay: 35,
    allowedOrigins: ['*'],
    allowEnvApiKey: false,
    logLevel: 'INFO',
  });
  expect(defaultService.origin).toBe('https://api.openai.com');
});

it('its one key goes to whatever SOURCE_API_URL names, unless that has a key of its own', () => {
  const keyOf = (env: Record<string, string>) => {
    const config = readConfig({ SOURCE_API_URL: 'https://api.deepseek.com', OPENAI_API_KEY: 'sk-one', ...env });
    expect(config.services.get('deepseek')).toBe(config.defaultService);
    return config.serviceKey(config.defaultService);
  };
  expect(keyOf({})).toBe('sk-one');
  expect(keyOf({ DEEPSEEK_API_KEY: 'sk-own' })).toBe('sk-own');
});
