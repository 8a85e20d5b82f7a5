import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Caller } from '../../lib/http/auth.ts';
import { cancelJob } from '../../lib/jobs/cancel.ts';
import type { Job } from '../../lib/jobs/job.ts';
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
    const keyed = () => submission(context, '{}', { owners: ['withdrawn'], idempotencyKey: 'k' });
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
      await context.store.claim(jobId, 5_000);
      await context.store.settle(jobId, 1, { kind: 'retry', dueAt: context.clock.now() + 60_000 }, null);
      throw new Error('the answer was lost');
    };
    const made = await submit(context.with({ queue: { send } }), submission(context, '{}', { owners: ['begun'] }));
    expect(made).toMatchObject({ created: true, job: { status: 'queued', attempts: 1 } });
  });

  it('a message that was taken although the queue said nothing: what a worker has begun is accepted', async () => {
    const send: TestContext['queue']['send'] = async ({ jobId }) => {
      await context.store.claim(jobId, 5_000);
      throw new Error('the answer was lost');
    };
    const made = await submit(context.with({ queue: { send } }), submission(context, '{}', { owners: ['begun'] }));
    expect(made).toMatchObject({ created: true, job: { status: 'in_progress', attempts: 1, cancelRequestedAt: null } });
  });

  const listOf = async (owner: string) =>
    (await context.store.list({ owners: [owner], limit: 100, after: null, status: null })).jobs;

  it('a job that is stored, and can neither be queued nor taken back, is accepted: it will be run', async () => {
    const faulty = context.with({ store: { withdraw: fails }, queue: { send: fails } });
    const made = await submit(faulty, submission(context, '{}', { owners: ['another'] }));
    expect(made).toMatchObject({ created: true, job: { status: 'queued' } });
    expect(await listOf('another')).toMatchObject([{ id: made.job.id }]);
  });

  it('a withdrawal is tried again while the store fails', async () => {
    let failures = 0;
    const withdraw: TestContext['store']['withdraw'] = (id) => (++failures < 3 ? fails() : context.store.withdraw(id));
    const faulty = context.with({ store: { withdraw }, queue: { send: fails } });
    const rejection = submit(faulty, submission(context, '{}', { owners: ['tried'] }));
    await expect(rejection).rejects.toMatchObject({ ...UNAVAILABLE, cause: { message: 'not reached' } });
    expect(await listOf('tried')).toEqual([]);
  });

  it('a job that another caller was told of meanwhile, under the same key, stays', async () => {
    const keyed = (context: TestContext) => submission(context, '{}', { owners: ['keyed'], idempotencyKey: 'k' });
    let second: Awaited<ReturnType<typeof submit>> | null = null;
    const send = async () => {
      second ??= await submit(context, keyed(context));
      return fails();
    };
    const first = await submit(context.with({ queue: { send } }), keyed(context));
    expect(second).toMatchObject({ created: false, job: { id: first.job.id } });
    expect(await context.store.get(first.job.id)).toMatchObject({ status: 'queued' });
  });

  it('a queue that cannot take a message back: the job is cancelled all the same, and the log tells', async () => {
    const { job } = await submit(context, submission(context, '{}'));
    const before = context.lines.length;
    expect(await cancelJob(context.with({ queue: { cancel: fails } }), job)).toMatchObject({ status: 'cancelled' });
    expect(context.lines.slice(before).join('\n')).toContain(`job=${job.id}`);
  });

  /** Runs the job again as its owner, with these faults. */
  const again = (job: Job, faults: Parameters<TestContext['with']>[0] = {}) => {
    const own = async () => ['owner'];
    const caller: Caller = { credential: { kind: 'none' }, label: 'test', isKnown: true, accounts: own, owners: own };
    return retryJob(context.with(faults), job, caller, new Headers());
  };
  const cancelled = async () => cancelJob(context, (await submit(context, submission(context, '{}'))).job);

  it('a job that cannot be queued again is as it was, and can be run again later', async () => {
    const job = await cancelled();
    await expect(again(job, { queue: { send: fails } })).rejects.toMatchObject(UNAVAILABLE);
    const { version: _, ...before } = job;
    expect(await context.store.get(job.id)).toMatchObject({ ...before, status: 'cancelled' });
    await expect(again(job, { store: { requeue: fails } })).rejects.toMatchObject(UNAVAILABLE);
    expect(await again(job)).toMatchObject({ status: 'queued' });
  });

  it('a job that the store has queued again, although it said nothing, is run again', async () => {
    const job = await cancelled();
    const requeue: TestContext['store']['requeue'] = async (id, credential) => {
      await context.store.requeue(id, credential);
      throw new Error('the answer was lost');
    };
    expect(await again(job, { store: { requeue } })).toMatchObject({ status: 'queued', generation: 2 });
  });

  it('one that neither the queue nor then the store answers for is accepted: the sweep sends it', async () => {
    const job = await cancelled();
    const takeBack = vi.fn(fails);
    const faults = { queue: { send: fails }, store: { takeBack } };
    expect(await again(job, faults)).toMatchObject({ status: 'queued', generation: 2 });
    expect(takeBack).toHaveBeenCalledTimes(4);
  });

  it('a job that is run again and that a worker has begun, although the queue said nothing, goes on', async () => {
    const job = await cancelled();
    const send: TestContext['queue']['send'] = async ({ jobId }) => {
      await context.store.claim(jobId, 5_000);
      throw new Error('the answer was lost');
    };
    expect(await again(job, { queue: { send } })).toMatchObject({ status: 'in_progress', cancelRequestedAt: null });
  });
});
