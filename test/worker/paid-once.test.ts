import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readConfig } from '../../lib/config.ts';
import { UNNAMED } from '../../lib/jobs/job.ts';
import { submit } from '../../lib/jobs/submit.ts';
import type { Store } from '../../lib/store/store.ts';
import type { UpstreamResponse } from '../../lib/upstream/transport.ts';
import { deliver } from '../../lib/worker/deliver.ts';
import { submission, type TestContext, testContext } from '../jobs/context.ts';

describe('a provider that has answered', () => {
  let context: TestContext;
  beforeEach(() => {
    context = testContext();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(async () => {
    vi.useRealTimers();
    await context.close();
  });

  /** A job and its worker, which is sent there as often as wanted. */
  async function prepared(store: Partial<Store>, answer: () => UpstreamResponse, leaseMs = 60_000_000) {
    const { job } = await submit(
      context,
      submission(context, '{}', { options: { ...submission(context, '{}').options, retries: 5 } }),
    );
    let calls = 0;
    const { queue } = context;
    const worker = {
      ...context.with({
        store,
        queue: { ...queue, receive: async () => ({ kind: 'delivery', sending: UNNAMED, jobId: job.id }) },
      }),
      config: context.config,
      leaseMs,
      shutdown: new AbortController().signal,
      postWebhook: () => Promise.reject(new Error('there is none')),
      upstream: async () => {
        calls++;
        return answer();
      },
    };
    const delivered = async () => {
      let over = false;
      const delivery = deliver(worker, new Request('http://host/')).finally(() => {
        over = true;
      });
      // Looked at below; until then it must not count as unhandled.
      delivery.catch(() => undefined);
      while (!over) {
        // Only while something waits for its time, beside the lease: what is sealed or written takes none of it.
        if (vi.getTimerCount() > 1) await vi.advanceTimersByTimeAsync(100);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return delivery;
    };
    return { id: job.id, delivered, calls: () => calls };
  }

  async function run(store: Partial<Store>, answer: () => UpstreamResponse) {
    const { id, delivered, calls } = await prepared(store, answer);
    await delivered();
    return { job: await context.store.get(id), calls: calls() };
  }

  it('is not called again where the store cannot take the result', async () => {
    const settle: Store['settle'] = async (id, attempt, outcome, last) => {
      if (outcome.kind === 'completed') throw new Error('too large');
      return context.store.settle(id, attempt, outcome, last);
    };
    const answer = () => ({ status: 200, headers: new Headers(), body: new Response('{}').body });
    const { job, calls } = await run({ settle }, answer);
    expect(job).toMatchObject({ status: 'failed', error: { code: 'result_not_stored' } });
    expect(calls).toBe(1);
  });

  /** An answer of several chunks, whole or as a stream. */
  const long = (contentType: string) => () => ({
    status: 200,
    headers: new Headers({ 'content-type': contentType }),
    body: new Response(`data: ${'x'.repeat(300_000)}\n\n`.repeat(3)).body,
  });

  it.each(['application/octet-stream', 'text/event-stream'])(
    'is not called again where the disk is full: %s',
    async (type) => {
      const append = () => Promise.reject(new Error('database or disk is full'));
      const { job, calls } = await run({ append }, long(type));
      expect(job).toMatchObject({
        status: 'failed',
        error: { code: 'result_not_stored' },
        result: null,
        progress: null,
      });
      expect(calls).toBe(1);
    },
  );

  it('leaves no gap in a stream whose middle could not be stored', async () => {
    let appends = 0;
    // As long as one chunk is tried; what comes after it would be taken again.
    const append: Store['append'] = async (...args) => {
      appends++;
      if (appends > 1 && appends < 18) throw new Error('database or disk is full');
      return context.store.append(...args);
    };
    const { job, calls } = await run({ append }, long('text/event-stream'));
    expect(job).toMatchObject({
      status: 'failed',
      error: { code: 'result_not_stored' },
      progress: { chunks: 1, events: 1 },
    });
    expect(appends).toBe(17);
    expect(calls).toBe(1);
  });

  it('is not called again where the store is away for longer than a result is tried', async () => {
    let refused = 0;
    const settle: Store['settle'] = async (...args) => {
      refused++;
      if (refused <= 20) throw new Error('database or disk is full');
      return context.store.settle(...args);
    };
    const { job, calls } = await run({ settle }, long('application/octet-stream'));
    expect(job).toMatchObject({ status: 'failed', error: { code: 'result_not_stored' } });
    expect(calls).toBe(1);
  });

  it('is not called again by the next delivery where the store was away for longer than that', async () => {
    let refuse = true;
    const settle: Store['settle'] = async (...args) => {
      if (refuse) throw new Error('database or disk is full');
      return context.store.settle(...args);
    };
    const worker = await prepared({ settle }, long('application/octet-stream'), 50);
    await expect(worker.delivered()).rejects.toThrow(/full/);
    refuse = false;
    await vi.waitFor(async () => {
      await vi.advanceTimersByTimeAsync(100);
      await worker.delivered();
      expect(await context.store.get(worker.id)).toMatchObject({ status: 'failed' });
    });
    expect(await context.store.get(worker.id)).toMatchObject({ attempts: 2, error: { code: 'result_not_stored' } });
    expect(worker.calls()).toBe(1);
    // A new run is the caller's own wish.
    await context.store.requeue(worker.id, null);
    await worker.delivered();
    expect(await context.store.get(worker.id)).toMatchObject({ status: 'completed' });
    expect(worker.calls()).toBe(2);
  });

  it('in a function is done with, or given up, before the platform ends it', async () => {
    const functionLimit = 60_000;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    context = { ...context, config: readConfig({ FUNCTION_LIMIT: String(functionLimit) }) };
    const refuse = () => Promise.reject(new Error('database or disk is full'));
    // The longest attempt that there may be, and a store that takes a second to refuse each time.
    const slow = () => new Promise((resolve) => setTimeout(resolve, 1_000)).then(refuse);
    const worker = await prepared({ append: slow, settle: slow }, () => ({
      status: 200,
      headers: new Headers({ 'content-type': 'text/event-stream' }),
      body: new ReadableStream<Uint8Array>({
        async start(controller) {
          await new Promise((resolve) => setTimeout(resolve, context.config.attemptLimit));
          controller.enqueue(new TextEncoder().encode(`data: ${'x'.repeat(300_000)}\n\n`));
          controller.close();
        },
      }),
    }));
    const startedAt = performance.now();
    await expect(worker.delivered()).rejects.toThrow(/full/);
    expect(performance.now() - startedAt).toBeGreaterThan(context.config.attemptLimit);
    expect(performance.now() - startedAt).toBeLessThan(functionLimit);
  });

  it('is not called again after a fault of our own', async () => {
    const answer = () => {
      const body = new ReadableStream<Uint8Array>({ pull: () => Promise.reject(new TypeError('a mistake')) });
      return { status: 200, headers: new Headers(), body };
    };
    const { job, calls } = await run({}, answer);
    expect(job).toMatchObject({ status: 'failed', error: { code: 'internal' } });
    expect(calls).toBe(1);
  });
});
