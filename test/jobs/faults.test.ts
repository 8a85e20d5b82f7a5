import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cancelJob } from '../../lib/jobs/cancel.ts';
import { retryJob } from '../../lib/jobs/retry.ts';
import { submit } from '../../lib/jobs/submit.ts';
import type { Message } from '../../lib/queue/queue.ts';
import { submission, type TestContext, testContext } from './context.ts';

const fails = () => Promise.reject(new Error('not reached'));
const UNAVAILABLE = { code: 'unavailable', status: 503, headers: { 'retry-after': '5' } };
const LONG = JSON.stringify({ text: 'x'.repeat(600_000) });

describe('a store or a queue that fails', () => {
  let context: TestContext;
  beforeAll(() => {
    context = testContext();
  });
  afterAll(() => context.close());

  const jobs = async (owner = 'owner') =>
    (await context.store.list({ owners: [owner], limit: 100, after: null, status: null })).jobs.length;

  it.each([
    ['the body, whose chunks cannot be dropped either', { store: { putBodyChunk: fails, dropBody: fails } }, LONG],
    ['the job', { store: { create: fails } }, '{}'],
    ['the job, with a body that cannot be dropped', { store: { create: fails, dropBody: fails } }, LONG],
    ['the message', { queue: { send: fails } }, '{}'],
  ])('cannot take %s: the caller is to come again, and nothing is left', async (_what, faults, body) => {
    await expect(submit(context.with(faults), submission(context, body))).rejects.toMatchObject(UNAVAILABLE);
    expect(await jobs()).toBe(0);
  });

  it('a job that was made although the store said nothing is withdrawn', async () => {
    const create: TestContext['store']['create'] = async (job) => {
      await context.store.create(job);
      throw new Error('the answer was lost');
    };
    const faulty = context.with({ store: { create } });
    await expect(submit(faulty, submission(context, LONG))).rejects.toMatchObject(UNAVAILABLE);
    expect(await jobs()).toBe(0);
  });

  it('what is withdrawn is gone in one step: its key is free, also where the store fails right after', async () => {
    const keyed = () => submission(context, '{}', { owners: ['keyed'], idempotencyKey: 'k' });
    const refused = context.with({ queue: { send: fails }, store: { remove: fails } });
    await expect(submit(refused, keyed())).rejects.toMatchObject(UNAVAILABLE);
    expect(await submit(context, keyed())).toMatchObject({ created: true, job: { status: 'queued' } });
  });

  it('a process that died between the job and its message: who repeats the request sends it', async () => {
    const sent: Message[] = [];
    const queue = { send: async (message: Message) => void sent.push(message) };
    const died = { send: () => new Promise<void>(() => undefined) };
    const options = { ...submission(context, '{}').options, dueAt: context.clock.now() - 1_000 };
    const keyed = () => submission(context, '{}', { owners: ['died'], idempotencyKey: 'k', options });
    void submit(context.with({ queue: died }), keyed());
    await vi.waitFor(async () => expect(await jobs('died')).toBe(1));
    const { created, job } = await submit(context.with({ queue }), keyed());
    expect(created).toBe(false);
    expect(sent).toMatchObject([{ jobId: job.id, sequence: '1.0' }]);
    // One whose message may simply be on its way has it sent once only.
    const fresh = () => submission(context, '{}', { owners: ['fresh'], idempotencyKey: 'k' });
    await submit(context.with({ queue }), fresh());
    await submit(context.with({ queue }), fresh());
    expect(sent.map(({ sequence }) => sequence)).toEqual(['1.0', '1']);
  });

  it('what was begun and waits for another try is accepted, though the queue said nothing', async () => {
    const send: TestContext['queue']['send'] = async ({ jobId }) => {
      await context.store.claim(jobId, 5_000, null);
      await context.store.settle(jobId, 1, { kind: 'retry', dueAt: context.clock.now() + 60_000 }, null);
      throw new Error('the answer was lost');
    };
    const made = await submit(context.with({ queue: { send } }), submission(context, '{}', { owners: ['tried'] }));
    expect(made).toMatchObject({ created: true, job: { status: 'queued', attempts: 1 } });
  });

  it('a message that was taken although the queue said nothing: what a worker has begun is accepted', async () => {
    const send: TestContext['queue']['send'] = async ({ jobId }) => {
      await context.store.claim(jobId, 5_000, null);
      throw new Error('the answer was lost');
    };
    const made = await submit(context.with({ queue: { send } }), submission(context, '{}', { owners: ['begun'] }));
    expect(made).toMatchObject({ created: true, job: { status: 'in_progress', attempts: 1, cancelRequestedAt: null } });
  });

  it('a withdrawal that fails too does not hide the first error', async () => {
    const faulty = context.with({ store: { withdraw: fails }, queue: { send: fails } });
    const rejection = submit(faulty, submission(context, '{}', { owners: ['another'] }));
    await expect(rejection).rejects.toMatchObject({ ...UNAVAILABLE, cause: { message: 'not reached' } });
  });

  it('a queue that cannot take a message back: the job is cancelled all the same, and the log tells', async () => {
    const { job } = await submit(context, submission(context, '{}'));
    const before = context.lines.length;
    expect(await cancelJob(context.with({ queue: { cancel: fails } }), job.id)).toMatchObject({ status: 'cancelled' });
    expect(context.lines.slice(before).join('\n')).toContain(`job=${job.id}`);
  });

  it('a job that cannot be queued again can be run again later', async () => {
    const { job } = await submit(context, submission(context, '{}'));
    await cancelJob(context, job.id);
    const caller = {
      credential: { kind: 'none' as const },
      label: 'test',
      owners: async () => ['owner'],
    };
    const again = (by: TestContext) => retryJob(by, job, caller, new Headers());
    await expect(again(context.with({ queue: { send: fails } }))).rejects.toMatchObject(UNAVAILABLE);
    await expect(again(context.with({ store: { requeue: fails } }))).rejects.toMatchObject(UNAVAILABLE);
    expect(await again(context)).toMatchObject({ status: 'queued' });
  });
});
