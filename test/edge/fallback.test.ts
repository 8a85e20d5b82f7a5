import { describe, expect, it } from 'vitest';
import { errorIn } from '../harness/client.ts';
import { startUpstream } from '../harness/upstream.ts';
import { jsonOf, send } from '../harness/wire.ts';
import { startEdgeStand } from './stand.ts';

const LONG = '/gateway/local/v1/embeddings';

/** A platform that answers for the background function with this status; what comes to it has not been begun. */
const without = (status: number) => (request: Request) =>
  request.url.includes('/api/gateway/background') ? new Response('platform', { status }) : null;
const start = (options: Parameters<typeof startEdgeStand>[1]) =>
  startEdgeStand((_request, response) => void response.end('called'), options);

describe('a background function that cannot be reached', () => {
  it.each([401, 403, 404, 429, 503])('%i in its place: the edge makes the call itself', async (status) => {
    const stand = await start({ platform: without(status) });
    const response = await stand.caller.post(LONG, { ask: 'it' });
    expect([response.status, await response.text(), response.headers.get('x-processing-mode')]).toEqual([
      200,
      'called',
      'edge',
    ]);
    expect(stand.upstream.received).toHaveLength(1);
    expect(stand.gateway.lines.some((line) => line.includes('[WARN] the background function was not reached'))).toBe(
      true,
    );
    await stand.stop();
  });

  it('a connection that is refused: the same', async () => {
    const closed = await startUpstream(() => undefined);
    await closed.stop();
    const stand = await start({ env: { PUBLIC_BASE_URL: closed.url } });
    const headers = { 'content-type': 'application/json' };
    const answer = await send(stand.gateway.url, LONG, { method: 'POST', headers, body: '{}' });
    expect([answer.status, answer.headers['x-processing-mode']]).toEqual([200, 'edge']);
    expect(stand.upstream.received).toHaveLength(1);
    const job = await send(stand.gateway.url, LONG, {
      method: 'POST',
      headers: { ...headers, prefer: 'respond-async' },
      body: '{}',
    });
    expect([job.status, jsonOf(job)]).toMatchObject([503, { error: { code: 'unavailable' } }]);
    await stand.stop();
  });

  it.each([500, 502, 504])('%i may be the end of one that has called: nothing is called again', async (status) => {
    const stand = await start({ platform: without(status) });
    const response = await stand.caller.post(LONG, { ask: 'it' });
    expect([response.status, response.headers.get('x-should-retry')]).toEqual([502, 'false']);
    expect((await errorIn(response)).code).toBe('background_lost');
    const keyed = await stand.caller.post(LONG, { ask: 'it' }, { 'idempotency-key': 'k' });
    expect([keyed.status, keyed.headers.get('x-should-retry')]).toEqual([502, 'true']);
    await keyed.body?.cancel();
    expect(stand.upstream.received).toEqual([]);
    await stand.stop();
  });

  it.each<[string, Parameters<typeof startEdgeStand>[1], Record<string, string>, number]>([
    ['a job', {}, { prefer: 'respond-async' }, 0],
    ['a call with a key', {}, { 'idempotency-key': 'k' }, 0],
    ['ENABLE_FALLBACK=false', { env: { ENABLE_FALLBACK: 'false' } }, {}, 0],
    ['a service without allowFallback', { service: { allowFallback: false } }, {}, 0],
    ['a body that is not in memory', {}, {}, 2_000_000],
  ])('%s is not taken over: 503, to come again', async (_name, options, headers, size) => {
    const stand = await start({ ...options, platform: without(404) });
    const response = await stand.caller.post(LONG, { ask: 'x'.repeat(size) }, headers);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '2']);
    expect((await errorIn(response)).code).toBe('unavailable');
    expect(stand.upstream.received).toEqual([]);
    await stand.stop();
  });

  it('413 of the platform is told as what it is', async () => {
    const stand = await start({ platform: without(413) });
    const response = await stand.caller.post(LONG, { ask: 'it' });
    expect([response.status, (await errorIn(response)).code]).toEqual([413, 'request_too_large']);
    await stand.stop();
  });

  it('its own refusal is the answer, and no reason to fall back', async () => {
    const stand = await startEdgeStand((_request, response) => void response.writeHead(503).end('theirs'), {});
    const response = await stand.caller.post(LONG, { ask: 'it' });
    expect([response.status, await response.text()]).toEqual([503, 'theirs']);
    expect(stand.upstream.received).toHaveLength(1);
    await stand.stop();
  });
});
