import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { submit } from '../../lib/jobs/submit.ts';
import type { Message } from '../../lib/queue/queue.ts';
import { giveUp } from '../../lib/worker/failed.ts';
import { submission, type TestContext, testContext } from '../jobs/context.ts';

const LEASE = 5_000;

describe('a message that the queue has given up', () => {
  let context: TestContext;
  beforeAll(() => {
    context = testContext();
  });
  afterAll(() => context.close());

  /** The word of it, for a message of that generation; what is sent thereupon. */
  async function givenUp(jobId: string, generation: number): Promise<Message[]> {
    const sent: Message[] = [];
    const sending = { generation, version: (await context.store.get(jobId))?.version ?? null };
    const receive = async () => ({ kind: 'given_up' as const, jobId, sending, status: 503 });
    const send = async (message: Message) => void sent.push(message);
    const response = await giveUp(context.with({ queue: { receive, send } }), new Request('http://gateway/failed'));
    expect(response.status).toBe(200);
    return sent;
  }

  it('sends a job that waits once more, some time later', async () => {
    const { job } = await submit(context, submission(context, '{}'));
    const [message, ...more] = await givenUp(job.id, 1);
    expect(more).toEqual([]);
    expect(await context.store.get(job.id)).toMatchObject({ status: 'queued', giveUps: 1, dueAt: message?.dueAt });
    expect(message?.dueAt).toBeGreaterThan(Date.now() + 50_000);
  });

  it('does not end one whose worker may be lost: it is looked after when the lease is out, and made up for', async () => {
    const { job } = await submit(context, submission(context, '{}'));
    const claimed = await context.store.claim(job.id, LEASE);
    if (claimed.kind !== 'claimed') throw new Error('not claimed');
    const [message, ...more] = await givenUp(job.id, 1);
    expect(more).toEqual([]);
    expect(message).toMatchObject({ jobId: job.id, generation: 1 });
    expect(message?.dueAt).toBeGreaterThan(claimed.job.leaseUntil);
    expect(message?.dueAt).toBeLessThan(claimed.job.leaseUntil + 1_000);
    expect(await context.store.get(job.id)).toEqual(claimed.job);
  });

  it('of before the job was queued anew has no say', async () => {
    const { job } = await submit(context, submission(context, '{}'));
    await context.store.cancel(job.id);
    await context.store.requeue(job.id, null);
    await context.store.claim(job.id, LEASE);
    expect(await givenUp(job.id, 1)).toEqual([]);
  });
});
