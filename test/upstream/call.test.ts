import { describe, expect, it } from 'vitest';
import { createUpstream, type UpstreamCall } from '../../lib/upstream/call.ts';
import { defineService } from '../../lib/upstream/services.ts';
import type { Transport, UpstreamRequest, UpstreamResponse } from '../../lib/upstream/transport.ts';

const FAR = { firstByte: 60_000, idle: 60_000, total: 60_000 };

/** A call through a transport that the test plays. */
function call(transport: Transport, changes: Partial<UpstreamCall> = {}): Promise<UpstreamResponse> {
  return createUpstream(
    transport,
    transport,
  )({
    service: defineService('local', { host: 'provider.example', basePath: '/base' }),
    method: 'POST',
    target: '/v1/x?a=1',
    headers: new Headers({ 'x-a': '1' }),
    body: new TextEncoder().encode('{}'),
    deadlines: FAR,
    maxSize: 100,
    retries: 2,
    signal: new AbortController().signal,
    ...changes,
  });
}

const answer = (status: number, body: ReadableStream<Uint8Array> | null = null, headers = {}) => ({
  status,
  headers: new Headers(headers),
  body,
});

/** Fails once its signal is aborted, as fetch and undici do. */
const never: Transport = ({ signal }) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));

describe('a call', () => {
  it('goes to the configured place and to no other', async () => {
    const seen: UpstreamRequest[] = [];
    await call(async (request) => {
      seen.push(request);
      return answer(200);
    });
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ origin: 'https://provider.example', target: '/base/v1/x?a=1', method: 'POST' });
  });

  it('of HEAD has no body, and nothing is left of one that a transport gives all the same', async () => {
    let cancelled = 0;
    const body = new ReadableStream<Uint8Array>({ cancel: () => void cancelled++ });
    const timers = () => process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;
    const before = timers();
    expect(await call(async () => answer(404, body), { method: 'HEAD' })).toMatchObject({ status: 404, body: null });
    expect([cancelled, timers()]).toEqual([1, before]);
  });

  it('whose caller has left already is not made to last', async () => {
    const gone = AbortSignal.abort(new Error('gone'));
    await expect(call(never, { signal: gone })).rejects.toThrow('gone');
  });

  it('ends with its caller, while it waits for another try too', async () => {
    const caller = new AbortController();
    let calls = 0;
    const waiting = call(
      async () => {
        calls++;
        setTimeout(() => caller.abort(new Error('gone')), 5);
        return answer(503, null, { 'retry-after': '30' });
      },
      { signal: caller.signal },
    );
    await expect(waiting).rejects.toThrow('gone');
    expect(calls).toBe(1);
  });

  it('lets go of the answers that it does not give', async () => {
    let cancelled = 0;
    const body = () => new ReadableStream<Uint8Array>({ cancel: () => void cancelled++ });
    const answers = [503, 503, 200].map((status) => answer(status, body(), { 'retry-after-ms': '1' }));
    const response = await call(async () => answers.shift() ?? answer(500));
    expect([response.status, cancelled]).toEqual([200, 2]);
    await response.body?.cancel();
  });

  it('that an in-between answer makes late ends at its first deadline, whatever is tried', async () => {
    let calls = 0;
    const transport: Transport = async (request) => {
      calls++;
      return calls === 1 ? answer(503, null, { 'retry-after-ms': '1' }) : never(request);
    };
    const late = call(transport, { deadlines: { ...FAR, firstByte: 100 } });
    await expect(late).rejects.toMatchObject({ code: 'upstream_timeout' });
    expect(calls).toBe(2);
  });

  it.each([99, 100, 199, 600, 999])('has no use for status %i', async (status) => {
    await expect(call(async () => answer(status))).rejects.toMatchObject({ code: 'upstream_malformed' });
  });

  it('tells of what breaks its answer off, but not of its reader’s leaving', async () => {
    const broken: unknown[] = [];
    const endless = () =>
      new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(new Uint8Array(40)) });
    const onBreak = (fault: unknown) => broken.push(fault);
    const long = await call(async () => answer(200, endless()), { onBreak });
    await expect(new Response(long.body).bytes()).rejects.toMatchObject({ code: 'response_too_large' });
    expect(broken).toEqual([expect.objectContaining({ code: 'response_too_large' })]);
    const left = await call(async () => answer(200, endless()), { onBreak, maxSize: Number.POSITIVE_INFINITY });
    await left.body?.cancel();
    expect(broken).toHaveLength(1);
  });
});
