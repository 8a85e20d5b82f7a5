import { rm } from 'node:fs/promises';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PAGE_HEADERS } from '../../lib/page.ts';
import { type QStash, startQStash } from '../fakes/qstash.ts';
import { type RedisRest, startRedisRest } from '../fakes/redis-rest.ts';
import { type RedisServer, startRedisServer } from '../fakes/redis-server.ts';
import { backendVariables } from '../fakes/variables.ts';
import { Caller, errorIn, jobIn } from '../harness/client.ts';
import { type FakeUpstream, startUpstream } from '../harness/upstream.ts';
import { copyProject, type DevServer, envFile, fetchCli, freePort, isWanted, startDev } from './cli.ts';

const CHAT = { model: 'demo-echo', messages: [{ role: 'user' as const, content: 'What is a gateway?' }] };
const DEMO = '/gateway/demo/v1/chat/completions';

/** Rules with headers are not obeyed by the development server: the edge hands those calls on. Each request starts its function anew. */
describe.skipIf(!isWanted())('vercel dev, with stand-ins for Upstash', () => {
  let server: RedisServer;
  let redis: RedisRest;
  let qstash: QStash;
  let dev: DevServer;
  let upstream: FakeUpstream;
  let folder: string;
  let caller: Caller;
  let client: OpenAI;

  beforeAll(async () => {
    server = await startRedisServer();
    redis = await startRedisRest({ socket: server.socket });
    qstash = await startQStash();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const environment = {
      GATEWAY_SECRET: 'a secret of the tests, long enough to be one',
      PUBLIC_BASE_URL: url,
      ...backendVariables(redis, qstash),
      CHUNK_DELAY_MS: '0',
    };
    upstream = await startUpstream(({ body }, response) => {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ bytes: body.length }));
    });
    const cli = await fetchCli();
    folder = await copyProject({ '.env': envFile({ ...environment, PROXY_CONFIG: upstream.proxyConfig }) });
    dev = await startDev(cli, folder, port);
    caller = new Caller(url, { authorization: 'Bearer sk-test' });
    client = new OpenAI({ apiKey: 'sk-test', baseURL: `${url}/gateway/demo/v1`, maxRetries: 0, timeout: 60_000 });
  });
  afterAll(async () => {
    await dev.stop();
    await upstream.stop();
    await qstash.stop();
    await redis.stop();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('the page, with its headers', async () => {
    const response = await caller.get('/');
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('<html')]);
    for (const [name, value] of Object.entries(PAGE_HEADERS)) expect(response.headers.get(name)).toBe(value);
  });

  it('health from the edge, status from the node function, 404 in the one shape', async () => {
    expect(await (await caller.get('/health')).json()).toMatchObject({ status: 'ok' });
    const status = await (await caller.get('/api/status')).json();
    expect(status).toMatchObject({ status: 'ok', mode: 'cloud', limits: { run_limit_ms: 285_000 } });
    expect((await errorIn(await caller.get('/nothing'))).code).toBe('not_found');
  });

  it('a call and a stream of the official client, on the edge', async () => {
    const answer = await client.chat.completions.create(CHAT).withResponse();
    expect(answer.data.choices[0]?.message.content).toContain('What is a gateway?');
    expect(answer.response.headers.get('x-processing-mode')).toBe('edge');
    let text = '';
    for await (const chunk of await client.chat.completions.create({ ...CHAT, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    expect(text).toContain('What is a gateway?');
  });

  it('a replayed stream, on the edge', async () => {
    const response = await caller.post(DEMO, { ...CHAT, stream: true }, { 'x-gateway-stream': 'replay' });
    expect([response.status, await response.text()]).toEqual([200, expect.stringMatching(/data: \[DONE\]\n\n$/)]);
  });

  it('a long path, by the router in the background function', async () => {
    const response = await caller.post('/gateway/local/v1/embeddings', { input: 'x' });
    expect([response.status, response.headers.get('x-processing-mode')]).toEqual([200, 'background']);
    expect(await response.json()).toEqual({ bytes: 13 });
  });

  it('a large body, handed on by the edge and signed', async () => {
    const input = 'x'.repeat(2_000_000);
    const response = await caller.post('/gateway/local/v1/moderations', { input });
    expect([response.status, response.headers.get('x-processing-mode')]).toEqual([200, 'background']);
    expect(await response.json()).toEqual({ bytes: input.length + 12 });
  });

  it('Anthropic’s and Gemini’s paths, replayed', async () => {
    const text = { role: 'user', content: 'Hello' };
    const replay = { 'x-gateway-stream': 'replay' };
    const body = { model: 'demo-echo', max_tokens: 100, messages: [text], stream: true };
    const messages = await caller.post('/gateway/demo/v1/messages', body, replay);
    expect(await messages.text()).toMatch(/event: message_stop\n/);
    const gemini = '/gateway/demo/v1beta/models/demo-echo:streamGenerateContent?alt=sse';
    const frames = await caller.post(gemini, { contents: [{ role: 'user', parts: [{ text: 'Hello' }] }] }, replay);
    expect(await frames.text()).toMatch(/"finishReason":"STOP"/);
  });

  it('the background door, closed to strangers', async () => {
    const response = await caller.post(`/api/gateway/background${DEMO}`, CHAT);
    expect([response.status, (await errorIn(response)).code]).toEqual([401, 'forward_unauthorized']);
    const worker = await caller.post('/api/worker', { job: 'job_1' });
    expect([worker.status, (await errorIn(worker)).code]).toEqual([401, 'delivery_unauthorized']);
  });

  it('a job by way of the edge: run by the worker, polled, and replayed', async () => {
    const accepted = await caller.post(DEMO, CHAT, { prefer: 'respond-async' });
    expect([accepted.status, accepted.headers.get('x-processing-mode')]).toEqual([202, 'job']);
    const { id } = await jobIn(accepted);
    const job = await caller.until(id, ({ status }) => status === 'completed', 20);
    expect(job).toMatchObject({ attempts: 1, response: { status: 200 } });
    const result = await (await caller.get(`/api/jobs/${id}/result`)).json();
    expect(result).toMatchObject({ object: 'chat.completion' });
    const replay = new OpenAI({
      apiKey: 'sk-test',
      fetch: () => caller.get(`/api/jobs/${id}/stream`),
    });
    let text = '';
    for await (const chunk of await replay.chat.completions.create({ ...CHAT, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    expect(text).toBe(result.choices[0].message.content);
  });

  it('a call with a key, held by way of the edge, and made once', async () => {
    const headers = { 'Idempotency-Key': 'order-42' };
    const first = await client.chat.completions.create(CHAT, { headers });
    const again = await client.chat.completions.create(CHAT, { headers }).withResponse();
    expect(again.data).toEqual(first);
    expect(again.response.headers.get('idempotent-replayed')).toBe('true');
  });
});
