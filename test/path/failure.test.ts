import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failing, hang, json, reset } from '../harness/answers.ts';
import { Caller, errorIn, objectIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { type Stand, startStand } from '../harness/stand.ts';

/** A port of this machine that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('the server had no port');
  return address.port;
}

describe.each(compositions)('a job that fails: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start);
    caller = stand.caller('sk-failing-caller');
  });
  afterAll(() => stand.stop());

  it.each([
    [400, 'INVALID_REQUEST'],
    [401, 'UNAUTHORIZED'],
    [403, 'FORBIDDEN'],
    [404, 'NOT_FOUND'],
    [413, 'SIZE_LIMIT'],
    [422, 'INVALID_REQUEST'],
    [501, 'UNAVAILABLE'],
  ])('%i fails at once: one call, the error told, the provider body at /result', async (status, type) => {
    const { id } = await caller.submit(stand.on(`/fails-${status}`, failing(status)));
    const job = await caller.ended(id);
    expect(job).toMatchObject({ status: 'failed', attempts: 1, response: null, usage: null });
    expect(job.error).toMatchObject({ type, code: 'upstream_status', upstream_status: status });
    expect(job.completed_at).not.toBeNull();
    const result = await caller.get(`/api/jobs/${id}/result`);
    expect(result.status).toBe(status);
    expect(result.headers.get('content-type')).toBe('application/json');
    expect(await objectIn(result)).toMatchObject({ error: { message: `told ${status}`, type: 'told_type' } });
    expect(stand.received(`/fails-${status}`)).toHaveLength(1);
  });

  it('after the last try, the last answer is what is told', async () => {
    stand.on('/always', failing(500, { 'retry-after-ms': '1' }, 'first'), failing(503, {}, 'last'));
    const { id } = await caller.submit('/always', { retries: 1 });
    expect(await caller.ended(id)).toMatchObject({ status: 'failed', attempts: 2, error: { upstream_status: 503 } });
    const result = await caller.get(`/api/jobs/${id}/result`);
    expect(result.status).toBe(503);
    expect(await objectIn(result)).toMatchObject({ error: { message: 'last' } });
  });

  it('a silent provider: the timeout is told, in the error and at /result, and there is no second call', async () => {
    const { id } = await caller.submit(stand.on('/silent', hang), { timeout_s: 1, retries: 5 });
    const job = await caller.ended(id);
    expect(job).toMatchObject({ status: 'failed', attempts: 1, error: { type: 'TIMEOUT', upstream_status: null } });
    const result = await caller.get(`/api/jobs/${id}/result`);
    expect(result.status).toBe(504);
    expect(result.headers.get('x-should-retry')).toBe('false');
    expect(result.headers.get('x-job-id')).toBe(id);
    expect((await errorIn(result)).code).toBe(job.error?.code);
    expect(stand.received('/silent')).toHaveLength(1);
  });

  it('an answer that stops in its middle until the time is over: the timeout is told', async () => {
    stand.on('/stalls', (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
      response.write('{"half":');
    });
    const { id } = await caller.submit('/stalls', { timeout_s: 1 });
    expect(await caller.ended(id)).toMatchObject({ status: 'failed', attempts: 1, error: { type: 'TIMEOUT' } });
    expect((await caller.get(`/api/jobs/${id}/result`)).status).toBe(504);
  });

  it('a connection that is reset is tried again', async () => {
    const { id } = await caller.submit(stand.on('/resets', reset, json({ at: 'last' })), { retries: 1 });
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 2 });
    expect(stand.received('/resets')).toHaveLength(2);
  });

  it('an answer that breaks off in its middle is tried again, and nothing of its first half is left', async () => {
    stand.on(
      '/breaks',
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '400000' });
        response.write('x'.repeat(300_000), () => response.socket?.resetAndDestroy());
      },
      json({ whole: true }),
    );
    const { id } = await caller.submit('/breaks', { retries: 1 });
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 2 });
    expect(await objectIn(await caller.get(`/api/jobs/${id}/result`))).toEqual({ whole: true });
  });

  it('a provider that is not there is tried again, then told of', async () => {
    const proxyConfig = { local: { host: `http://127.0.0.1:${await closedPort()}` } };
    const gateway = await start({ env: { PROXY_CONFIG: JSON.stringify(proxyConfig) } });
    try {
      const other = new Caller(gateway.url);
      const { id } = await other.submit('/nobody', { retries: 1 });
      const job = await other.ended(id);
      expect(job).toMatchObject({ status: 'failed', attempts: 2 });
      expect(job.error).toMatchObject({ type: 'CONNECTION', code: 'upstream_connection', upstream_status: null });
      const result = await other.get(`/api/jobs/${id}/result`);
      expect(result.status).toBe(502);
      expect((await errorIn(result)).code).toBe('upstream_connection');
    } finally {
      await gateway.stop();
    }
  });
});
