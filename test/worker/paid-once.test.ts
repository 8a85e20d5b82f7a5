import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
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

  async function run(store: Partial<Store>, answer: () => UpstreamResponse) {
    const { job } = await submit(
      context,
      submission(context, '{}', { options: { ...submission(context, '{}').options, retries: 5 } }),
    );
    let calls = 0;
    let over = false;
    const { queue } = context;
    const worker = {
      ...context.with({ store, queue: { ...queue, receive: async () => ({ kind: 'delivery', jobId: job.id }) } }),
      leaseMs: 60_000_000,
      shutdown: new AbortController().signal,
      upstream: async () => {
        calls++;
        return answer();
      },
    };
    const delivered = deliver(worker, new Request('http://host/')).finally(() => {
      over = true;
    });
    while (!over) {
      await vi.advanceTimersByTimeAsync(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await delivered;
    return { job: await context.store.get(job.id), calls };
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
