import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleEdge } from '../harness/edge-bundle.ts';
import { type RunningEdge, startEdgeRuntime } from '../harness/edge-runtime.ts';
import { type FakeUpstream, startUpstream } from '../harness/upstream.ts';
import { jsonOf, post, send } from '../harness/wire.ts';

const MAX_GZIPPED = 60_000;
const bundle = bundleEdge();
const SECRET = { GATEWAY_SECRET: 'a secret of the tests, long enough to be one' };
const COMPLETION = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hello there.' }, finish_reason: 'stop' }],
};

describe('the edge function as the platform bundles it', () => {
  it('is small, and nothing in it is Node’s', () => {
    expect(bundle.gzipped).toBeLessThan(MAX_GZIPPED);
    expect(bundle.inputs.length).toBeGreaterThan(30);
    expect(bundle.inputs.filter((path) => /^lib\/(jobs|worker|store|queue|sqlite)\//.test(path))).toEqual([]);
    expect(bundle.code).not.toMatch(/["'`]node:/);
  });
});

describe('the edge function in its runtime', () => {
  let upstream: FakeUpstream;
  let edge: RunningEdge;
  beforeAll(async () => {
    // A port where nobody listens any more; those below 1024 are closed to `fetch` itself.
    const closed = await startUpstream(() => undefined);
    await closed.stop();
    upstream = await startUpstream(({ url, body }, response) => {
      if (url === '/silent') return;
      if (url === '/zipped') {
        const zipped = gzipSync('plain text');
        const headers = { 'content-type': 'text/plain', 'content-encoding': 'gzip', 'content-length': zipped.length };
        return void response.writeHead(200, headers).end(zipped);
      }
      if (url === '/moved') return void response.writeHead(302, { location: '/elsewhere' }).end();
      if (url.startsWith('/v1/chat'))
        return void response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify(COMPLETION).replace('"created":1,', '"created":1.0,'));
      response.writeHead(418, { 'content-type': 'text/plain', 'x-request-id': 'theirs' }).end(body);
    });
    edge = await startEdgeRuntime(bundle.code, {
      ...SECRET,
      PROXY_CONFIG: JSON.stringify({
        local: { host: upstream.url, timeout: 300, maxRetries: 0 },
        nowhere: { host: closed.url, maxRetries: 0 },
        unresolved: { host: 'http://provider.invalid', maxRetries: 0 },
      }),
      SOURCE_API_URL: upstream.url,
      CHUNK_DELAY_MS: '0',
      LOCAL_API_KEY: 'the-services-own-key',
      NOWHERE_API_KEY: 'any',
      UNRESOLVED_API_KEY: 'any',
      ALLOW_ENV_API_KEY: 'true',
    });
  });
  afterAll(async () => {
    await edge.stop();
    await upstream.stop();
  });
  const chat = (fields: object) => ({ model: 'demo-echo', messages: [{ role: 'user', content: 'Hi' }], ...fields });

  it('answers a call', async () => {
    const answer = await post(edge.url, '/gateway/demo/v1/chat/completions', chat({}));
    expect([answer.status, answer.headers['x-processing-mode']]).toEqual([200, 'edge']);
    expect(jsonOf(answer)).toMatchObject({ object: 'chat.completion' });
    expect(edge.lines.join('\n')).toContain('service=demo');
  });

  it('passes a native stream on', async () => {
    const answer = await post(edge.url, '/gateway/demo/v1/chat/completions', chat({ stream: true }));
    expect(answer.headers['content-type']).toContain('text/event-stream');
    expect(answer.body.toString()).toMatch(/^data: .*chat\.completion\.chunk[\s\S]*data: \[DONE\]\n\n$/);
  });

  it('replays a whole answer as a stream', async () => {
    const answer = await post(edge.url, '/v1/chat/completions', chat({ stream: true }));
    expect(answer.headers['content-type']).toContain('text/event-stream');
    expect(answer.body.toString()).toMatch(/Hello there\.[\s\S]*data: \[DONE\]\n\n$/);
    expect(answer.body.toString()).toContain('"created":1.0,');
    expect(upstream.received.at(-1)?.body.toString()).not.toContain('stream');
  });

  it('calls a provider over HTTP: status, headers and bytes of its answer, with the service’s own key', async () => {
    const answer = await send(edge.url, '/gateway/local/x?a=%20b', { method: 'POST', body: 'bytes' });
    expect([answer.status, answer.body.toString(), answer.headers['x-upstream-request-id']]).toEqual([
      418,
      'bytes',
      'theirs',
    ]);
    const call = upstream.received.at(-1);
    expect(call).toMatchObject({ method: 'POST', url: '/x?a=%20b' });
    expect(call?.headers).toMatchObject({
      'accept-encoding': 'identity',
      authorization: 'Bearer the-services-own-key',
    });
  });

  it('gives what fetch has decoded as what it is', async () => {
    const answer = await send(edge.url, '/gateway/local/zipped');
    expect([answer.body.toString(), answer.headers['content-encoding'], answer.headers['content-length']]).toEqual([
      'plain text',
      undefined,
      undefined,
    ]);
  });

  it('follows no redirect', async () => {
    const answer = await send(edge.url, '/gateway/local/moved');
    expect([answer.status, answer.headers.location]).toEqual([302, '/gateway/local/elsewhere']);
  });

  it.each([
    ['local/silent', 504, 'upstream_timeout'],
    ['nowhere/x', 502, 'upstream_connection'],
    ['unresolved/x', 502, 'upstream_dns'],
    ['unknown/x', 404, 'service_not_found'],
  ])('names what went wrong: %s', async (path, status, code) => {
    const answer = await send(edge.url, `/gateway/${path}`);
    expect(answer.status).toBe(status);
    expect(jsonOf(answer)).toMatchObject({ error: { code } });
  });

  it('is alive', async () => {
    expect(jsonOf(await send(edge.url, '/health'))).toMatchObject({ status: 'ok' });
  });
});

describe('the edge function without its secret', () => {
  it('says so at each request, and lives', async () => {
    const edge = await startEdgeRuntime(bundle.code, {});
    const answer = await post(edge.url, '/v1/chat/completions', {});
    expect(answer.status).toBe(503);
    expect(jsonOf(answer)).toMatchObject({
      error: { code: 'misconfigured', message: expect.stringContaining('GATEWAY_SECRET') },
    });
    expect((await send(edge.url, '/health')).status).toBe(200);
    await edge.stop();
  });
});
