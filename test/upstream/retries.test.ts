import { describe, expect, it } from 'vitest';
import type { Environment } from '../../lib/config.ts';
import { createUpstream } from '../../lib/upstream/call.ts';
import { defineService } from '../../lib/upstream/services.ts';
import { startGateway } from '../harness/gateway.ts';
import { startThrough } from '../harness/through.ts';
import { startUpstream } from '../harness/upstream.ts';
import { jsonOf, send, type WireOptions } from '../harness/wire.ts';

interface Scene extends WireOptions {
  readonly env?: Environment;
  readonly service?: Record<string, unknown>;
  readonly path?: string;
}

/** Answers the first calls with the given status and headers, then 200; tells how often it was called. */
async function play(status: number, headers: Record<string, string>, scene: Scene = {}, failures = 1) {
  let calls = 0;
  const { gateway, upstream, stop } = await startThrough(
    (_request, response) => {
      calls++;
      if (calls > failures) return void response.end(`answer ${calls}`);
      if (status === 0) return void response.destroy();
      response.writeHead(status, headers).end(`no ${calls}`);
    },
    { env: { ...scene.env }, service: { ...scene.service } },
  );
  const options = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' }, ...scene };
  const answer = await send(gateway.url, `/gateway/local${scene.path ?? '/v1/x'}`, options);
  await stop();
  return { calls, answer, text: answer.body.toString(), received: upstream.received };
}

const SOON = { 'retry-after-ms': '1' };

describe('an answer that says not now', () => {
  it.each([408, 429, 500, 502, 503, 504, 529])('%i is tried again, with the same request', async (status) => {
    const { answer, text, received } = await play(status, SOON);
    expect([answer.status, text]).toEqual([200, 'answer 2']);
    expect(received[1]?.body.toString()).toBe('{}');
    expect(received[1]?.rawHeaders).toEqual(received[0]?.rawHeaders);
  });

  it.each([400, 401, 403, 404, 409, 422, 501])('%i is the answer', async (status) => {
    const { calls, answer, text } = await play(status, SOON);
    expect([calls, answer.status, text]).toEqual([1, status, 'no 1']);
  });

  it.each([
    ['seconds', { 'retry-after': '0.01' }],
    ['a date', { 'retry-after': 'Tue, 01 Sep 2020 12:00:00 GMT' }],
    ['nothing', {}],
  ])('Retry-After may be %s', async (_name, headers) => {
    expect(await play(503, headers)).toMatchObject({ calls: 2, text: 'answer 2' });
  });

  it('the last one is passed through untouched', async () => {
    const { calls, answer, text } = await play(429, { ...SOON, 'x-ratelimit-reset': '7' }, {}, 9);
    expect([calls, answer.status, text]).toEqual([3, 429, 'no 3']);
    expect(answer.headers).toMatchObject({ ...SOON, 'x-ratelimit-reset': '7' });
  });

  it('a wait beyond the deadline is left to the caller, at once', async () => {
    const { calls, answer } = await play(429, { 'retry-after': '30' }, { env: { DEFAULT_TIMEOUT: '5000' } });
    expect([calls, answer.status, answer.headers['retry-after']]).toEqual([1, 429, '30']);
  });

  it('a provider that asks for no other try is obeyed', async () => {
    expect(await play(500, { ...SOON, 'x-should-retry': 'false' })).toMatchObject({ calls: 1 });
  });
});

describe('settings', () => {
  it.each([
    ['ENABLE_RETRY=false', { env: { ENABLE_RETRY: 'false' } }, 1],
    ['maxRetries: 0', { service: { maxRetries: 0 } }, 1],
    ['retryable: false', { service: { retryable: false } }, 1],
    ['maxRetries: 4', { service: { maxRetries: 4 } }, 5],
    ['POST not among retryableMethods', { service: { retryableMethods: ['GET'] } }, 1],
    ['PUT is not, unless it is', { method: 'PUT' }, 1],
    ['PUT among retryableMethods', { method: 'PUT', service: { retryableMethods: ['PUT'] } }, 3],
    ['DELETE', { method: 'DELETE', body: undefined }, 1],
  ])('%s', async (_name, scene, calls) => {
    expect((await play(503, SOON, scene, 9)).calls).toBe(calls);
  });

  it('a body that is passed on as it comes cannot be sent again', async () => {
    const body = Buffer.alloc(2_000_000);
    const { calls, answer } = await play(503, SOON, { body });
    expect([calls, answer.status]).toEqual([1, 503]);
  });
});

describe('a connection that breaks before the answer', () => {
  it('is tried again for GET, which asks for nothing to be done', async () => {
    expect(await play(0, {}, { method: 'GET', body: undefined })).toMatchObject({ calls: 2, text: 'answer 2' });
  });

  it('is not for POST, which may have been paid for', async () => {
    const { calls, answer } = await play(0, {});
    expect([calls, answer.status, answer.headers['x-should-retry']]).toEqual([1, 502, 'false']);
    expect(jsonOf(answer)).toMatchObject({ error: { type: 'NETWORK', code: 'upstream_reset' } });
  });
});

describe('a call that surely never reached the provider', () => {
  it.each(['ECONNREFUSED', 'ENOTFOUND', 'UND_ERR_CONNECT_TIMEOUT'])(
    'is tried again even for POST: %s',
    async (code) => {
      let calls = 0;
      const transport = async () => {
        calls++;
        if (calls < 3) throw Object.assign(new Error('no connection'), { code });
        return { status: 200, headers: new Headers(), body: null };
      };
      const call = createUpstream(transport, transport);
      const response = await call({
        service: defineService('local', { host: 'provider.example' }),
        method: 'POST',
        target: '/v1/x',
        headers: new Headers(),
        body: new TextEncoder().encode('{}'),
        deadlines: { firstByte: 60_000, idle: 60_000, total: 60_000 },
        maxSize: 1_000,
        retries: 2,
        signal: new AbortController().signal,
      });
      expect([response.status, calls]).toEqual([200, 3]);
    },
  );

  it('ends with its own error, which an SDK may try again', async () => {
    const gone = await startUpstream((_request, response) => void response.end());
    await gone.stop();
    const gateway = await startGateway({ env: { PROXY_CONFIG: gone.proxyConfig, ENABLE_RETRY: 'false' } });
    const answer = await send(gateway.url, '/gateway/local/x', { method: 'POST', body: '{}' });
    expect([answer.status, answer.headers['x-should-retry']]).toEqual([502, undefined]);
    expect(jsonOf(answer)).toMatchObject({ error: { type: 'CONNECTION', code: 'upstream_connection' } });
    await gateway.stop();
  });
});
