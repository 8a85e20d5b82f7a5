import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SMALL_BODY } from '../../lib/gateway/call.ts';
import { bytesIn, errorIn, jobIn } from '../harness/client.ts';
import { until } from '../harness/through.ts';
import { open, send } from '../harness/wire.ts';
import { type EdgeStand, startEdgeStand } from './stand.ts';

const LONG = '/gateway/local/v1/embeddings';

describe('what the edge hands on to the background function', () => {
  let stand: EdgeStand;
  let closed = 0;
  const forwarded: Request[] = [];
  beforeAll(async () => {
    stand = await startEdgeStand(
      ({ url, body }, response) => {
        response.on('close', () => {
          closed += response.writableFinished ? 0 : 1;
        });
        if (url.startsWith('/v1/audio/silent')) return;
        response.writeHead(201, { 'content-type': 'application/octet-stream', 'x-request-id': 'theirs' }).end(body);
      },
      {
        env: { VERCEL_AUTOMATION_BYPASS_SECRET: 'bypass-secret' },
        platform: (request) => {
          if (request.url.includes('/api/gateway/background')) forwarded.push(request);
          return null;
        },
      },
    );
  });
  afterAll(() => stand.stop());

  it('a long call: one call at the provider, its answer, and one request id in both functions’ logs', async () => {
    const response = await stand.caller.post(
      `${LONG}?a=%20b&c`,
      { ask: 'it' },
      { 'x-correlation-id': 'id-of-the-caller' },
    );
    expect([response.status, await response.json()]).toEqual([201, { ask: 'it' }]);
    const headers = Object.fromEntries(response.headers);
    expect(headers).toMatchObject({
      'x-processing-mode': 'background',
      'x-request-id': 'id-of-the-caller',
      'x-upstream-request-id': 'theirs',
      'content-security-policy': 'sandbox',
    });
    expect(Object.keys(headers).filter((name) => /^x-(gateway|vercel)/.test(name))).toEqual([]);
    expect(stand.upstream.received).toHaveLength(1);
    expect(stand.upstream.received[0]).toMatchObject({
      url: '/v1/embeddings?a=%20b&c',
      headers: { authorization: 'Bearer sk-caller' },
    });
    const seen = Object.keys(stand.upstream.received[0]?.headers ?? {});
    expect(seen.filter((name) => /^x-(gateway|vercel|request|correlation)/.test(name))).toEqual([]);
    const calls = stand.gateway.lines.filter((line) => line.includes('[id-of-the-caller] [INFO] call'));
    expect(calls).toHaveLength(2);
    expect(forwarded.at(-1)?.headers.get('x-vercel-protection-bypass')).toBe('bypass-secret');
  });

  it.each([SMALL_BODY, SMALL_BODY + 1])('a body of %i bytes without a length arrives byte for byte', async (size) => {
    const bytes = Buffer.alloc(size, 'some bytes ');
    const pieces = (async function* () {
      for (let at = 0; at < size; at += 100_000) yield bytes.subarray(at, at + 100_000);
    })();
    const answer = await send(stand.gateway.url, '/gateway/local/upload', { method: 'POST', body: pieces });
    expect([answer.status, answer.headers['x-processing-mode']]).toEqual([
      201,
      size > SMALL_BODY ? 'background' : 'edge',
    ]);
    expect(answer.body.equals(bytes)).toBe(true);
  });

  it('a job: accepted there, and run', async () => {
    const response = await stand.caller.post('/gateway/local/x', { ask: 1 }, { prefer: 'respond-async' });
    expect([response.status, response.headers.get('x-processing-mode')]).toEqual([202, 'job']);
    expect(response.headers.get('location')).toMatch(/^\/api\/jobs\/job_/);
    const job = await stand.caller.ended((await jobIn(response)).id);
    expect(job).toMatchObject({ status: 'completed', response: { status: 201 } });
  });

  it('a call with a key: held, and made once', async () => {
    const key = { 'idempotency-key': 'the-key' };
    const first = await stand.caller.post('/gateway/local/once', { ask: 2 }, key);
    const again = await stand.caller.post('/gateway/local/once', { ask: 2 }, key);
    expect([first.status, again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 201, 'true']);
    expect(await bytesIn(again)).toEqual(await bytesIn(first));
    expect(stand.upstream.received.filter(({ url }) => url === '/once')).toHaveLength(1);
  });

  it('ends at the provider when the caller leaves', async () => {
    closed = 0;
    const path = '/gateway/local/v1/audio/silent';
    const { request, head } = open(stand.gateway.url, path, { method: 'POST', body: '{}' });
    const left = head.catch((error: unknown) => error);
    await until(() => stand.upstream.received.some(({ url }) => url === '/v1/audio/silent'), 'the call');
    request.destroy();
    await until(() => closed === 1, 'the end at the provider');
    await left;
  });

  it('a long call, where the operator has made jobs of those', async () => {
    const jobs = await startEdgeStand((_request, response) => void response.end('ok'), {
      env: { LONG_REQUEST_MODE: 'job' },
    });
    const response = await jobs.caller.post(LONG, { ask: 'it' });
    expect([response.status, response.headers.get('x-processing-mode')]).toEqual([202, 'job']);
    expect(await jobs.caller.ended((await jobIn(response)).id)).toMatchObject({ status: 'completed' });
    await jobs.stop();
  });

  it('refuses as the caller would be refused anywhere', async () => {
    const response = await stand.caller.post('/gateway/none/v1/embeddings', {});
    expect([response.status, (await errorIn(response)).code]).toEqual([404, 'service_not_found']);
  });
});

describe('the time that the platform gives the edge', () => {
  let stand: EdgeStand;
  beforeAll(async () => {
    stand = await startEdgeStand(() => undefined, { firstByte: 400, service: { timeout: 60_000 } });
  });
  afterAll(() => stand.stop());

  it.each(['/gateway/local/quick', LONG])(
    'ends a call in time, however long its service may take: %s',
    async (path) => {
      const response = await stand.caller.post(path, {});
      expect([response.status, response.headers.get('x-should-retry')]).toEqual([504, 'false']);
      expect(await errorIn(response)).toMatchObject({
        code: 'upstream_timeout',
        message: expect.stringMatching(/streamed.*Idempotency-Key.*respond-async/),
      });
    },
  );

  it('ends a hold in time, and has the caller come again with the key', async () => {
    const response = await stand.caller.post('/gateway/local/held', {}, { 'idempotency-key': 'k' });
    expect([response.status, response.headers.get('x-should-retry')]).toEqual([504, 'true']);
    expect(response.headers.get('retry-after')).not.toBeNull();
    expect((await errorIn(response)).code).toBe('hold_timeout');
  });
});
