import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import type { Job, QueuedJob } from '../../lib/jobs/job.ts';
import { MAX_WEBHOOK_ATTEMPTS } from '../../lib/jobs/webhook.ts';
import type { Claimed, Created, NewJob, Store } from '../../lib/store/store.ts';
import { bytes, completed, FAILED, newJob, resultOf, type TestClock, testClock } from './fixtures.ts';

export interface StoreUnderTest {
  readonly store: Store;
  /** A second adapter on the same data, as another process would have it. */
  readonly other: Store;
  /** Everything that the backend holds, for what must have gone without a trace: rows or keys by name. */
  contents(): Promise<string[]>;
  close(): Promise<void>;
}

const LEASE = 5_000;

/** The job that was made or found. */
function jobOf(created: Created): Job {
  if (created.kind === 'full') throw new Error('there was room');
  return created.job;
}

/** What every store promises, whatever it is made of. */
export function storeContract(name: string, open: (clock: Clock) => Promise<StoreUnderTest>): void {
  describe(`store contract: ${name}`, () => {
    let clock: TestClock;
    let backend: StoreUnderTest;
    let store: Store;
    let other: Store;

    beforeEach(async () => {
      clock = testClock();
      backend = await open(clock);
      ({ store, other } = backend);
    });
    afterEach(() => backend.close());

    const create = async (overrides: Partial<QueuedJob> = {}, extra: Partial<NewJob> = {}) => {
      const job = newJob(clock, overrides);
      await store.create({ job, credential: bytes(9), body: bytes(1, 2, 3), idempotency: null, ...extra });
      return job;
    };
    const claim = async (id: string, by = store): Promise<Extract<Claimed, { kind: 'claimed' }>> => {
      const claimed = await by.claim(id, LEASE);
      if (claimed.kind !== 'claimed') throw new Error(`not claimed: ${claimed.kind}`);
      return claimed;
    };
    const running = async (overrides: Partial<QueuedJob> = {}) => {
      const job = await create(overrides);
      return (await claim(job.id)).job;
    };
    const end = async (overrides: Partial<QueuedJob> = {}) => {
      const job = await running(overrides);
      await store.settle(job.id, 1, completed(1), { eventsBefore: 0, bytes: bytes(4, 5, 6) });
      return job;
    };

    describe('create and get', () => {
      it('gives back the job as it was made, its profile byte for byte', async () => {
        const job = await create();
        expect(await store.get(job.id)).toEqual(job);
        expect(await other.get(job.id)).toEqual(job);
      });

      it('knows no job that was not made', async () => {
        expect(await store.get('job_unknown')).toBeNull();
      });

      it('makes one job of a request raced by 50 callers, and tells the others which', async () => {
        const idempotency = { key: 'key-1', fingerprint: 'print-1', earlier: [] };
        const attempts = Array.from({ length: 50 }, (_, index) => {
          const job = newJob(clock);
          const by = index % 2 === 0 ? store : other;
          return by.create({ job, credential: null, body: bytes(1, 2, 3), idempotency });
        });
        const outcomes = await Promise.all(attempts);
        expect(outcomes.filter(({ kind }) => kind === 'created')).toHaveLength(1);
        expect(outcomes.filter(({ kind }) => kind === 'duplicate')).toHaveLength(49);
        expect(new Set(outcomes.map((outcome) => jobOf(outcome).id)).size).toBe(1);
      });

      it('refuses another request under the same key, and makes nothing', async () => {
        const first = await create({}, { idempotency: { key: 'k', fingerprint: 'a', earlier: [] } });
        const second = newJob(clock);
        const outcome = await store.create({
          job: second,
          credential: null,
          body: null,
          idempotency: { key: 'k', fingerprint: 'b', earlier: [] },
        });
        expect(outcome).toMatchObject({ kind: 'conflict', job: { id: first.id } });
        expect(await store.get(second.id)).toBeNull();
      });

      it('knows a request by a name that it had before: the same, another, and one whose job has gone', async () => {
        const old = { key: 'old', fingerprint: 'a' };
        const current = { key: 'new', fingerprint: 'b' };
        const first = await create({}, { idempotency: { ...old, earlier: [] } });
        const again = (earlier: typeof old) => {
          const job = newJob(clock);
          const idempotency = { ...current, earlier: [{ key: 'older', fingerprint: 'z' }, earlier] };
          return other.create({ job, credential: null, body: null, idempotency });
        };
        expect(await again(old)).toMatchObject({ kind: 'duplicate', job: { id: first.id } });
        expect(await again({ ...old, fingerprint: 'c' })).toMatchObject({ kind: 'conflict', job: { id: first.id } });
        await store.cancel(first.id);
        await store.remove(first.id);
        const second = await again(old);
        expect(second.kind).toBe('created');
        expect(await again(old)).toMatchObject({ kind: 'duplicate', job: { id: jobOf(second).id } });
      });

      it('frees a key with its job: by deletion and by expiry', async () => {
        const idempotency = { key: 'k', fingerprint: 'a', earlier: [] };
        const first = await create({}, { idempotency });
        await store.cancel(first.id);
        await store.remove(first.id);
        const second = await create({ ttlMs: 1_000 }, { idempotency });
        const { job } = await claim(second.id);
        await store.settle(job.id, 1, FAILED, null);
        clock.advance(1_000);
        const third = newJob(clock);
        expect(await store.create({ job: third, credential: null, body: null, idempotency })).toMatchObject({
          kind: 'created',
        });
      });
    });

    describe('jobs that wait', () => {
      const make = (owner: string, limits: { all: number; caller: number }, by = store) => {
        const job = newJob(clock, { owner });
        return by.create({ job, credential: null, body: null, idempotency: null, limits });
      };

      it('are as many as may be, in all and of each caller', async () => {
        const limits = { all: 3, caller: 2 };
        expect((await make('one', limits)).kind).toBe('created');
        const second = await make('one', limits, other);
        expect(await make('one', limits)).toEqual({ kind: 'full', scope: 'caller' });
        expect((await make('two', limits)).kind).toBe('created');
        expect(await make('two', limits, other)).toEqual({ kind: 'full', scope: 'all' });
        expect(await other.waiting('one')).toEqual({ all: 3, caller: 2 });
        expect(await store.waiting('nobody')).toEqual({ all: 3, caller: 0 });
        // One that is run, or has ended, waits no more.
        await claim(jobOf(second).id);
        expect(await store.waiting('one')).toEqual({ all: 2, caller: 1 });
        expect((await make('one', limits)).kind).toBe('created');
        expect((await store.list({ owners: ['one', 'two'], limit: 10, after: null, status: null })).jobs).toHaveLength(
          4,
        );
      });

      it('are counted through every step: again, cancelled, expired, run again, deleted', async () => {
        const waiting = async () => (await store.waiting('owner-1')).caller;
        const job = await create();
        await claim(job.id);
        await store.settle(job.id, 1, { kind: 'retry', dueAt: clock.now() }, null);
        expect(await waiting()).toBe(1);
        await store.cancel(job.id);
        expect(await waiting()).toBe(0);
        await store.requeue(job.id, null);
        expect(await waiting()).toBe(1);
        await store.withdraw((await create()).id);
        expect(await waiting()).toBe(1);
        await store.cancel(job.id);
        await store.remove(job.id);
        const short = await create({ expiresAt: clock.now() + 1_000 });
        clock.advance(1_000);
        await store.endOverdue(short.id);
        expect(await store.waiting('owner-1')).toEqual({ all: 0, caller: 0 });
      });

      it('a repeat under a key is no further one', async () => {
        const idempotency = { key: 'k', fingerprint: 'a', earlier: [] };
        const first = await create({}, { idempotency });
        const limits = { all: 1, caller: 1 };
        const again = { job: newJob(clock), credential: null, body: null, idempotency, limits };
        expect(await store.create(again)).toMatchObject({ kind: 'duplicate', job: { id: first.id } });
      });

      it('of 40 submits at a time no more are taken than may be', async () => {
        const limits = { all: 100, caller: 7 };
        const made = await Promise.all(
          Array.from({ length: 40 }, (_, at) => make('flood', limits, at % 2 === 0 ? store : other)),
        );
        expect(made.filter(({ kind }) => kind === 'created')).toHaveLength(7);
      });
    });

    describe('bodies', () => {
      it('come with the claim where they are one chunk', async () => {
        const job = await create();
        expect(await claim(job.id)).toMatchObject({ credential: bytes(9), body: bytes(1, 2, 3) });
      });

      it('are read chunk by chunk where they are longer', async () => {
        const job = newJob(clock, { request: { chunks: 3, size: 9 } });
        for (let index = 0; index < 3; index++) await store.putBodyChunk(job.id, index, bytes(index, 0, 255));
        await store.create({ job, credential: null, body: null, idempotency: null });
        expect(await claim(job.id)).toMatchObject({ body: null });
        expect(await other.bodyChunk(job.id, 2)).toEqual(bytes(2, 0, 255));
        expect(await store.bodyChunk(job.id, 3)).toBeNull();
      });

      it('that never got a job are dropped: at once when asked, by the sweep after an hour', async () => {
        const empty = await backend.contents();
        await store.putBodyChunk('job_dropped', 0, bytes(1));
        await store.dropBody('job_dropped');
        expect(await backend.contents()).toEqual(empty);
        await store.putBodyChunk('job_orphan', 0, bytes(1));
        clock.advance(3_599_000);
        await store.sweep(100);
        expect(await store.bodyChunk('job_orphan', 0)).toEqual(bytes(1));
        clock.advance(2_000);
        await store.sweep(100);
        expect(await backend.contents()).toEqual(empty);
      });

      it('that come once more when their job is there change nothing', async () => {
        const job = newJob(clock, { request: { chunks: 1, size: 1 }, expiresAt: clock.now() + 10 * 3_600_000 });
        await store.putBodyChunk(job.id, 0, bytes(1));
        await store.create({ job, credential: null, body: null, idempotency: null });
        await other.putBodyChunk(job.id, 0, bytes(2));
        clock.advance(2 * 3_600_000);
        await store.sweep(100);
        expect(await store.bodyChunk(job.id, 0)).toEqual(bytes(1));
      });

      it('of a job are no orphans, however old', async () => {
        const job = newJob(clock, { request: { chunks: 2, size: 2 }, expiresAt: clock.now() + 10 * 3_600_000 });
        for (const index of [0, 1]) await store.putBodyChunk(job.id, index, bytes(index));
        await store.create({ job, credential: null, body: null, idempotency: null });
        clock.advance(2 * 3_600_000);
        await store.sweep(100);
        expect(await store.bodyChunk(job.id, 1)).toEqual(bytes(1));
      });
    });

    describe('claim', () => {
      it('gives a due job to one of two claimants', async () => {
        const job = await create();
        const kinds = (await Promise.all([store.claim(job.id, LEASE), other.claim(job.id, LEASE)])).map((c) => c.kind);
        expect(kinds.toSorted()).toEqual(['claimed', 'held']);
        expect(await store.get(job.id)).toMatchObject({ status: 'in_progress', attempts: 1, startedAt: clock.now() });
      });

      it('says until when the lease is held, and gives the job on when it has run out', async () => {
        const job = await running();
        expect(await other.claim(job.id, LEASE)).toEqual({ kind: 'held', until: clock.now() + LEASE });
        clock.advance(LEASE);
        expect(await claim(job.id, other)).toMatchObject({ job: { attempts: 2, losses: 1 } });
      });

      it('is early before the job is due', async () => {
        const dueAt = clock.now() + 1_000;
        const job = await create({ dueAt });
        expect(await store.claim(job.id, LEASE)).toEqual({ kind: 'early', dueAt });
        clock.advance(1_000);
        await claim(job.id);
      });

      it('finds ended and unknown jobs so', async () => {
        const job = await end();
        expect(await store.claim(job.id, LEASE)).toMatchObject({ kind: 'ended', job: { status: 'completed' } });
        expect(await store.claim('job_unknown', LEASE)).toEqual({ kind: 'gone' });
      });

      it('ends a job whose time is over instead of giving it out', async () => {
        const expired = await create({ expiresAt: clock.now() + 1_000 });
        const cancelled = await create({ cancelAt: clock.now() + 1_000 });
        clock.advance(1_000);
        expect(await store.claim(expired.id, LEASE)).toMatchObject({ kind: 'ended', job: { status: 'expired' } });
        expect(await store.claim(cancelled.id, LEASE)).toMatchObject({ kind: 'ended', job: { status: 'cancelled' } });
        expect(await store.get(expired.id)).toMatchObject({ status: 'expired', completedAt: clock.now() });
      });

      it('gives a job up that has lost too many workers', async () => {
        const job = await create({ losses: 19, attempts: 19 });
        await claim(job.id);
        clock.advance(LEASE);
        await claim(job.id);
        clock.advance(LEASE);
        expect(await store.claim(job.id, LEASE)).toMatchObject({
          kind: 'ended',
          job: { status: 'failed', error: { code: 'workers_lost' } },
        });
      });
    });

    describe('a lease', () => {
      it('is prolonged by its attempt', async () => {
        const job = await running();
        clock.advance(LEASE - 1);
        expect(await store.renew(job.id, 1, LEASE)).toEqual({ kind: 'renewed', cancelRequested: false });
        clock.advance(LEASE - 1);
        expect(await other.claim(job.id, LEASE)).toMatchObject({ kind: 'held' });
      });

      it('survives running out as long as nobody else has claimed the job', async () => {
        const job = await running();
        clock.advance(LEASE * 3);
        expect(await store.renew(job.id, 1, LEASE)).toMatchObject({ kind: 'renewed' });
      });

      it('brings the wish to cancel, and the end of cancel_after', async () => {
        const job = await running({ cancelAt: clock.now() + 2_000 });
        const asked = await running();
        await other.cancel(asked.id);
        expect(await store.renew(asked.id, 1, LEASE)).toEqual({ kind: 'renewed', cancelRequested: true });
        clock.advance(2_000);
        expect(await store.renew(job.id, 1, LEASE)).toEqual({ kind: 'renewed', cancelRequested: true });
      });
    });

    describe('a stale worker', () => {
      it('is fenced off from everything once a later attempt has begun', async () => {
        const job = await running();
        clock.advance(LEASE);
        await claim(job.id, other);
        const progress = { attempt: 1, chunks: 1, size: 3, events: null };
        expect(await store.renew(job.id, 1, LEASE)).toEqual({ kind: 'fenced' });
        expect(await store.append(job.id, progress, 0, bytes(6))).toEqual({ kind: 'fenced' });
        expect(await store.settle(job.id, 1, completed(1), null)).toEqual({ kind: 'fenced' });
        expect(await store.get(job.id)).toMatchObject({ status: 'in_progress', attempts: 2, progress: null });
        expect(await store.resultChunks(job.id, 1, 0, 10)).toEqual([]);
      });

      it('is fenced off after the end, and when the job is gone', async () => {
        const job = await end();
        expect(await store.settle(job.id, 1, FAILED, null)).toEqual({ kind: 'fenced' });
        await store.remove(job.id);
        expect(await store.settle(job.id, 1, completed(1), null)).toEqual({ kind: 'fenced' });
      });
    });

    describe('settle', () => {
      it('completes: result, usage, expiry; request and credential are gone', async () => {
        const job = await running();
        clock.advance(500);
        const settled = await store.settle(job.id, 1, completed(1), { eventsBefore: 0, bytes: bytes(4, 5, 6) });
        expect(settled).toMatchObject({
          kind: 'settled',
          job: {
            status: 'completed',
            completedAt: clock.now(),
            expiresAt: clock.now() + job.ttlMs,
            result: resultOf(1),
            usage: { total_tokens: 7 },
          },
        });
        expect(await other.resultChunks(job.id, 1, 0, 10)).toEqual([
          { index: 0, eventsBefore: 0, bytes: bytes(4, 5, 6) },
        ]);
        expect(await store.bodyChunk(job.id, 0)).toBeNull();
      });

      it('fails with a reason and keeps the body for another run', async () => {
        const job = await running();
        await store.settle(job.id, 1, FAILED, null);
        expect(await store.get(job.id)).toMatchObject({ status: 'failed', error: { code: 'upstream_reset' } });
        expect(await store.bodyChunk(job.id, 0)).toEqual(bytes(1, 2, 3));
      });

      it('queues a retry for its time and counts the failure; a release counts none', async () => {
        const job = await running();
        const dueAt = clock.now() + 2_000;
        await store.settle(job.id, 1, { kind: 'retry', dueAt }, null);
        expect(await store.get(job.id)).toMatchObject({ status: 'queued', dueAt, failures: 1, attempts: 1 });
        clock.advance(2_000);
        expect(await claim(job.id)).toMatchObject({ credential: bytes(9), job: { attempts: 2 } });
        await store.settle(job.id, 2, { kind: 'released' }, null);
        expect(await store.get(job.id)).toMatchObject({ status: 'queued', dueAt: clock.now(), failures: 1, losses: 0 });
      });

      it('drops what a failed attempt had stored, before the next one', async () => {
        const job = await running();
        await store.append(job.id, { attempt: 1, chunks: 1, size: 3, events: 2 }, 0, bytes(6));
        await store.settle(job.id, 1, { kind: 'retry', dueAt: clock.now() }, null);
        expect(await store.resultChunks(job.id, 1, 0, 10)).toEqual([]);
      });

      it('keeps the beginning of a stream that failed', async () => {
        const job = await running();
        await store.append(job.id, { attempt: 1, chunks: 1, size: 3, events: 2 }, 0, bytes(6));
        await store.settle(job.id, 1, FAILED, null);
        expect(await store.get(job.id)).toMatchObject({ status: 'failed', progress: { chunks: 1, events: 2 } });
        expect(await store.resultChunks(job.id, 1, 0, 10)).toHaveLength(1);
      });
    });

    describe('cancel', () => {
      it('ends a queued job at once', async () => {
        const job = await create();
        expect(await store.cancel(job.id)).toMatchObject({ status: 'cancelled', completedAt: clock.now() });
        expect(await store.claim(job.id, LEASE)).toMatchObject({ kind: 'ended' });
      });

      it('marks a running job once, and any end but completion becomes cancelled', async () => {
        for (const outcome of [
          FAILED,
          { kind: 'retry', dueAt: 0 },
          { kind: 'released' },
          { kind: 'cancelled' },
        ] as const) {
          const job = await running();
          const first = await store.cancel(job.id);
          clock.advance(10);
          expect(await store.cancel(job.id)).toEqual(first);
          await store.settle(job.id, 1, outcome, null);
          expect(await store.get(job.id)).toMatchObject({ status: 'cancelled', cancelRequestedAt: clock.now() - 10 });
        }
      });

      it('that comes too late leaves the completed job as it is', async () => {
        const job = await end();
        const before = await store.get(job.id);
        expect(await store.cancel(job.id)).toEqual(before);
      });

      it('racing completion ends in one of the two, for good', async () => {
        for (let round = 0; round < 20; round++) {
          const job = await running();
          const [, settled] = await Promise.all([
            other.cancel(job.id),
            store.settle(job.id, 1, round % 2 === 0 ? completed(1) : { kind: 'cancelled' }, {
              eventsBefore: 0,
              bytes: bytes(1),
            }),
          ]);
          expect(settled.kind).toBe('settled');
          const final = await store.get(job.id);
          expect(final?.status).toBe(round % 2 === 0 ? 'completed' : 'cancelled');
          await other.cancel(job.id);
          expect(await store.get(job.id)).toEqual(final);
        }
      });

      it('of an unknown job finds none', async () => {
        expect(await store.cancel('job_unknown')).toBeNull();
      });

      it('is not lost with the worker that should have seen it', async () => {
        const job = await running();
        await store.cancel(job.id);
        clock.advance(LEASE);
        expect(await store.endOverdue(job.id)).toMatchObject({ status: 'cancelled' });
      });
    });

    describe('run again', () => {
      it('queues a failed job anew with the credential that is brought, and all its tries', async () => {
        const job = await running({ failures: 3 });
        await store.settle(job.id, 1, FAILED, null);
        expect(await store.requeue(job.id, bytes(8))).toMatchObject({
          kind: 'requeued',
          job: { status: 'queued', failures: 0, dueAt: clock.now() },
        });
        expect(await claim(job.id)).toMatchObject({ credential: bytes(8), body: bytes(1, 2, 3), job: { attempts: 2 } });
      });

      it('finds no credential where none was brought: the old one went with the end', async () => {
        const job = await create();
        await store.cancel(job.id);
        await store.requeue(job.id, null);
        expect(await claim(job.id)).toMatchObject({ credential: null });
      });

      it('is refused while the job runs and when it has completed', async () => {
        const [waiting, active, done] = [await create(), await running(), await end()];
        for (const job of [waiting, active, done]) {
          expect(await store.requeue(job.id, null)).toMatchObject({ kind: 'refused' });
        }
        expect(await store.requeue('job_unknown', null)).toEqual({ kind: 'gone' });
      });
    });

    describe('a message', () => {
      const error = { message: 'given up', type: 'UNAVAILABLE', code: 'delivery_failed', upstreamStatus: null };
      const sent = (generation: number | null, version: number | null = null) => ({ generation, version });
      const runAgain = async () => {
        const job = await create();
        await store.cancel(job.id);
        expect(await store.requeue(job.id, null)).toMatchObject({ job: { generation: 2 } });
        return job;
      };

      it('of an earlier generation claims nothing', async () => {
        const job = await runAgain();
        const before = await store.get(job.id);
        expect(await store.claim(job.id, LEASE, sent(1))).toEqual({ kind: 'superseded' });
        expect(await store.get(job.id)).toEqual(before);
        expect(await store.claim(job.id, LEASE, sent(2))).toMatchObject({ kind: 'claimed', job: { generation: 2 } });
        await store.settle(job.id, 1, { kind: 'retry', dueAt: clock.now() }, null);
        expect(await store.claim(job.id, LEASE, sent(2))).toMatchObject({ kind: 'claimed', job: { generation: 2 } });
      });

      it('of an earlier version that comes too early need not come again; that of this one has to', async () => {
        const job = await running();
        const settled = await store.settle(job.id, 1, { kind: 'retry', dueAt: clock.now() + 60_000 }, null);
        if (settled.kind !== 'settled') throw new Error('it is ours');
        const { version } = settled.job;
        expect(await store.claim(job.id, LEASE, sent(1, 1))).toEqual({ kind: 'superseded' });
        for (const own of [sent(1, version), sent(1), sent(null)]) {
          expect(await store.claim(job.id, LEASE, own)).toEqual({ kind: 'early', dueAt: clock.now() + 60_000 });
        }
        clock.advance(60_000);
        // Due, the job is run by whichever message comes.
        expect(await store.claim(job.id, LEASE, sent(1, 1))).toMatchObject({ kind: 'claimed' });
      });

      it('that was given up has its job sent again after a while, and failed in the end', async () => {
        const { id } = await create();
        const give = async () => store.abandon(id, error, sent(1, (await store.get(id))?.version ?? null));
        for (const wait of [60_000, 300_000]) {
          const dueAt = clock.now() + wait;
          expect(await give()).toMatchObject({ changed: true, job: { status: 'queued', dueAt } });
          expect(await give(), 'its time has not come').toMatchObject({ changed: false });
          clock.advance(wait);
        }
        expect(await give()).toMatchObject({ changed: true, job: { status: 'failed', error } });
        await store.requeue(id, null);
        expect(await store.get(id)).toMatchObject({ giveUps: 0 });
        expect(await store.abandon('job_unknown', error)).toBeNull();
      });

      it('that was given up says nothing of a job that has ended, is run or was, waits, or has another', async () => {
        const [active, done, anew] = [await running(), await end(), await runAgain()];
        const waiting = await running();
        await store.settle(waiting.id, 1, { kind: 'retry', dueAt: clock.now() }, null);
        const delayed = await create({ dueAt: clock.now() + 1 });
        const cases = [
          [active.id, sent(1, 1)],
          [done.id, sent(1, 1)],
          [anew.id, sent(1, 1)],
          [waiting.id, sent(1, 1)],
          [delayed.id, sent(1, 1)],
        ] as const;
        for (const [id, sending] of cases) {
          const before = await store.get(id);
          expect(await store.abandon(id, error, sending)).toEqual({ changed: false, job: before });
        }
        clock.advance(LEASE);
        expect(await store.abandon(active.id, error, sent(1, 1))).toMatchObject({ changed: false });
      });
    });

    describe('taking back', () => {
      it('withdraws a job that nobody has begun or was told of, and one that is created only later', async () => {
        const job = await create({}, { idempotency: { key: 'k', fingerprint: 'a', earlier: [] } });
        expect(await other.withdraw(job.id)).toEqual({ kind: 'withdrawn' });
        expect(await store.get(job.id)).toBeNull();
        expect(await store.claim(job.id, LEASE)).toEqual({ kind: 'gone' });
        expect(await store.stranded(clock.now() + 1_000_000, 100)).toEqual([]);
        expect(await store.withdraw(job.id)).toEqual({ kind: 'withdrawn' });
        const again = newJob(clock);
        const idempotency = { key: 'k', fingerprint: 'a', earlier: [] };
        expect(await store.create({ job: again, credential: null, body: null, idempotency })).toMatchObject({
          kind: 'created',
        });
      });

      it('keeps one that was begun, was queued again, or that another caller was told of', async () => {
        const begun = await running();
        expect(await store.withdraw(begun.id)).toMatchObject({ kind: 'kept', job: { status: 'in_progress' } });
        await store.settle(begun.id, 1, { kind: 'retry', dueAt: clock.now() }, null);
        expect(await store.withdraw(begun.id)).toMatchObject({ kind: 'kept', job: { status: 'queued' } });
        const idempotency = { key: 'shared', fingerprint: 'a', earlier: [] };
        const first = await create({}, { idempotency });
        const second = newJob(clock);
        await other.create({ job: second, credential: null, body: null, idempotency });
        expect(await store.withdraw(first.id)).toMatchObject({ kind: 'kept', job: { id: first.id } });
        const refused = await create({}, { idempotency: { key: 'refused', fingerprint: 'a', earlier: [] } });
        const conflict = { key: 'refused', fingerprint: 'b', earlier: [] };
        await other.create({ job: newJob(clock), credential: null, body: null, idempotency: conflict });
        expect(await store.withdraw(refused.id)).toEqual({ kind: 'withdrawn' });
      });

      it('puts what was queued again and nobody has begun back to its end', async () => {
        const job = await running({ hasWebhook: true });
        const failed = await store.settle(job.id, 1, FAILED, null);
        if (failed.kind !== 'settled' || failed.job.status !== 'failed') throw new Error('it has ended');
        const before = failed.job;
        const requeued = await store.requeue(job.id, null);
        if (requeued.kind !== 'requeued') throw new Error('it may be');
        const { version } = requeued.job;
        expect(await store.takeBack(job.id, version - 1, before)).toMatchObject({ status: 'queued', version });
        const restored = await other.takeBack(job.id, version, before);
        expect(restored).toEqual({ ...before, version: version + 1, progress: null, result: null });
        expect(await store.get(job.id)).toEqual(restored);
        expect(await store.claim(job.id, LEASE, { generation: 2, version })).toMatchObject({ kind: 'ended' });
        expect(await store.takeBack('job_unknown', 1, before)).toBeNull();
      });

      it('keeps what was queued again and somebody has begun', async () => {
        const job = await create();
        const before = await store.cancel(job.id);
        if (before?.status !== 'cancelled') throw new Error('it has ended');
        const requeued = await store.requeue(job.id, null);
        if (requeued.kind !== 'requeued') throw new Error('it may be');
        await claim(job.id);
        expect(await store.takeBack(job.id, requeued.job.version, before)).toMatchObject({ status: 'in_progress' });
      });
    });

    describe('a growing answer', () => {
      it('is read from any chunk on and found by event number', async () => {
        const job = await running();
        for (let chunk = 0; chunk < 5; chunk++) {
          const progress = { attempt: 1, chunks: chunk + 1, size: 3 * (chunk + 1), events: 4 * (chunk + 1) };
          expect(await store.append(job.id, progress, 4 * chunk, bytes(chunk))).toEqual({
            kind: 'appended',
            cancelRequested: false,
          });
        }
        expect(await other.get(job.id)).toMatchObject({ progress: { chunks: 5, events: 20 } });
        const some = await other.resultChunks(job.id, 1, 2, 2);
        expect(some.map(({ index, eventsBefore }) => [index, eventsBefore])).toEqual([
          [2, 8],
          [3, 12],
        ]);
        for (const [event, chunk] of [
          [0, 0],
          [3, 0],
          [4, 1],
          [19, 4],
          [20, 4],
        ] as const) {
          expect(await store.chunkOfEvent(job.id, 1, event)).toBe(chunk);
        }
      });
    });

    it('a stored chunk brings the wish to cancel, and the end of cancel_after', async () => {
      const job = await running({ cancelAt: clock.now() + 2_000 });
      const asked = await running();
      const append = (id: string, chunks: number) =>
        store.append(id, { attempt: 1, chunks, size: 3 * chunks, events: chunks }, chunks - 1, bytes(1));
      for (const { id } of [job, asked]) {
        expect(await append(id, 1)).toEqual({ kind: 'appended', cancelRequested: false });
      }
      await other.cancel(asked.id);
      clock.advance(2_000);
      for (const { id } of [job, asked]) {
        expect(await append(id, 2)).toEqual({ kind: 'appended', cancelRequested: true });
      }
    });

    describe('the webhook of an ended job', () => {
      const delivery = { at: 1, durationMs: 2, status: 500, error: null };
      const told = async (overrides: Partial<QueuedJob> = {}) => end({ hasWebhook: true, ...overrides });

      it('is to be called at once, whatever the end; nobody is told of a job without one', async () => {
        const now = clock.now();
        const pending = { webhook: { status: 'pending', attempts: 0, settled: 0, deliveries: [] }, webhookAt: now };
        expect(await store.get((await told()).id)).toMatchObject({ status: 'completed', ...pending });
        const cancelled = await create({ hasWebhook: true });
        expect(await store.cancel(cancelled.id)).toMatchObject({ status: 'cancelled', ...pending });
        const failed = await running({ hasWebhook: true });
        expect(await store.settle(failed.id, 1, FAILED, null)).toMatchObject({ job: { status: 'failed', ...pending } });
        const plain = await end();
        expect(await store.get(plain.id)).toMatchObject({ webhook: null, webhookAt: null });
        expect(await store.claimWebhook(plain.id, LEASE)).toEqual({ kind: 'nothing' });
        expect(await store.claimWebhook((await running({ hasWebhook: true })).id, LEASE)).toEqual({ kind: 'nothing' });
        expect(await store.claimWebhook('job_unknown', LEASE)).toEqual({ kind: 'nothing' });
      });

      it('is given to one of 20 workers', async () => {
        const { id } = await told();
        const claims = await Promise.all(
          Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? store : other).claimWebhook(id, LEASE)),
        );
        expect(claims.filter(({ kind }) => kind === 'claimed')).toMatchObject([{ webhook: { attempts: 1 } }]);
        const early = claims.filter(({ kind }) => kind === 'early');
        expect(early).toEqual(Array.from({ length: 19 }, () => ({ kind: 'early', dueAt: clock.now() + LEASE })));
      });

      it('is called again when a worker was lost; what that one says then is void', async () => {
        const { id } = await told();
        await store.claimWebhook(id, LEASE);
        clock.advance(LEASE);
        expect(await other.claimWebhook(id, LEASE)).toMatchObject({ kind: 'claimed', webhook: { attempts: 2 } });
        expect(
          await store.settleWebhook(id, { generation: 1, attempt: 1 }, { kind: 'delivered' }, delivery),
        ).toBeNull();
        expect(
          await other.settleWebhook(id, { generation: 1, attempt: 2 }, { kind: 'delivered' }, delivery),
        ).toMatchObject({
          webhook: { status: 'delivered', deliveries: [delivery] },
          webhookAt: null,
        });
        expect(await store.claimWebhook(id, LEASE)).toEqual({ kind: 'nothing' });
      });

      it('keeps what its deliveries came to, and when the next is due', async () => {
        const { id } = await told();
        await store.claimWebhook(id, LEASE);
        const dueAt = clock.now() + 60_000;
        await store.settleWebhook(id, { generation: 1, attempt: 1 }, { kind: 'retry', dueAt }, delivery);
        expect(await store.claimWebhook(id, LEASE)).toEqual({ kind: 'early', dueAt });
        clock.advance(60_000);
        await store.claimWebhook(id, LEASE);
        const gone = { ...delivery, status: null, error: 'timeout' };
        await store.settleWebhook(id, { generation: 1, attempt: 2 }, { kind: 'gone' }, gone);
        expect(await other.get(id)).toMatchObject({
          status: 'completed',
          webhook: { status: 'gone', attempts: 2, deliveries: [delivery, gone] },
          webhookAt: null,
        });
        expect(await other.resultChunks(id, 1, 0, 1)).toHaveLength(1);
      });

      it('is settled once: who asks again is told the same', async () => {
        const { id } = await told();
        await store.claimWebhook(id, LEASE);
        const attempt = { generation: 1, attempt: 1 };
        const outcome = { kind: 'retry', dueAt: clock.now() + 60_000 } as const;
        const settled = await store.settleWebhook(id, attempt, outcome, delivery);
        expect(settled).toMatchObject({ webhook: { settled: 1, deliveries: [delivery] } });
        expect(await other.settleWebhook(id, attempt, outcome, delivery)).toEqual(settled);
      });

      it('is given up where as many deliveries as may be were begun and none came to anything', async () => {
        const { id } = await told();
        for (let attempts = 1; attempts <= MAX_WEBHOOK_ATTEMPTS; attempts++) {
          expect(await store.claimWebhook(id, LEASE)).toMatchObject({ kind: 'claimed', webhook: { attempts } });
          clock.advance(LEASE);
        }
        const given = { webhook: { status: 'failed', attempts: MAX_WEBHOOK_ATTEMPTS }, webhookAt: null };
        expect(await store.claimWebhook(id, LEASE)).toMatchObject({ kind: 'spent', job: given });
        expect(await other.get(id)).toMatchObject(given);
        expect(await store.claimWebhook(id, LEASE)).toEqual({ kind: 'nothing' });
      });

      it('of an earlier run does not settle that of a later one', async () => {
        const job = await running({ hasWebhook: true });
        await store.settle(job.id, 1, FAILED, null);
        await store.claimWebhook(job.id, LEASE);
        await store.requeue(job.id, null);
        await claim(job.id);
        await store.settle(job.id, 2, FAILED, null);
        await store.claimWebhook(job.id, LEASE);
        const settle = (generation: number) =>
          store.settleWebhook(job.id, { generation, attempt: 1 }, { kind: 'delivered' }, delivery);
        expect(await settle(1)).toBeNull();
        expect(await store.get(job.id)).toMatchObject({ webhook: { status: 'pending', deliveries: [] } });
        expect(await settle(2)).toMatchObject({ webhook: { status: 'delivered' } });
      });

      it('is stranded where nobody calls it', async () => {
        const { id } = await told();
        const ids = async () => (await store.stranded(clock.now() - 60_000, 10)).map((job) => job.id);
        expect(await ids()).toEqual([]);
        clock.advance(60_000);
        expect(await ids()).toEqual([id]);
        expect(await ids()).toEqual([]);
        await store.claimWebhook(id, LEASE);
        await store.settleWebhook(id, { generation: 1, attempt: 1 }, { kind: 'delivered' }, delivery);
        clock.advance(600_000);
        expect(await ids()).toEqual([]);
      });

      it('begins anew with a job that is run again, and goes with it', async () => {
        const job = await running({ hasWebhook: true });
        await store.settle(job.id, 1, FAILED, null);
        await store.claimWebhook(job.id, LEASE);
        await store.settleWebhook(job.id, { generation: 1, attempt: 1 }, { kind: 'failed' }, delivery);
        await store.requeue(job.id, null);
        expect(await store.claimWebhook(job.id, LEASE)).toEqual({ kind: 'nothing' });
        await claim(job.id);
        await store.renew(job.id, 2, LEASE);
        await store.settle(job.id, 2, completed(2), null);
        expect(await store.get(job.id)).toMatchObject({
          generation: 2,
          webhook: { status: 'pending', attempts: 0, settled: 0, deliveries: [] },
          webhookAt: clock.now(),
        });
        await store.remove(job.id);
        expect(await store.claimWebhook(job.id, LEASE)).toEqual({ kind: 'nothing' });
        expect(await store.stranded(clock.now() + 600_000, 10)).toEqual([]);
      });
    });

    describe('waiting for a change', () => {
      it('ends when this or another process changes the job, also when it happened before', async () => {
        const job = await create();
        const own = store.changed(job.id, 1, 20_000);
        const foreign = other.changed(job.id, 1, 20_000);
        await store.claim(job.id, LEASE);
        const seen = await Promise.all([own, foreign, other.changed(job.id, 1, 20_000)]);
        expect(seen).toMatchObject(Array(3).fill({ id: job.id, status: 'in_progress', version: 2 }));
      });

      it('ends when the time is up, and on abort', async () => {
        const job = await create();
        expect(await store.changed(job.id, 1, 10)).toBe('same');
        const leaving = new AbortController();
        const waiting = store.changed(job.id, 1, 20_000, leaving.signal);
        leaving.abort();
        expect(await waiting).toBe('same');
        expect(await store.changed(job.id, 1, 20_000, leaving.signal)).toBe('same');
      });

      it('ends when the job goes', async () => {
        const job = await end();
        const version = (await store.get(job.id))?.version ?? 0;
        const waiting = store.changed(job.id, version, 20_000);
        await other.remove(job.id);
        expect(await waiting).toBeNull();
      });
    });

    describe('list', () => {
      it('pages through an owner’s jobs, newest first', async () => {
        const jobs: Job[] = [];
        for (let count = 0; count < 5; count++) jobs.unshift(await create({ owner: 'mine' }));
        await create({ owner: 'theirs' });
        const query = { owners: ['mine', 'none'], limit: 2, after: null, status: null };
        const first = await other.list(query);
        expect(first).toEqual({ jobs: jobs.slice(0, 2), hasMore: true });
        const second = await store.list({ ...query, after: jobs[1]?.id ?? '' });
        expect(second.jobs.map(({ id }) => id)).toEqual(jobs.slice(2, 4).map(({ id }) => id));
        expect(await store.list({ ...query, after: jobs[3]?.id ?? '' })).toEqual({
          jobs: jobs.slice(4),
          hasMore: false,
        });
        expect(await store.list({ ...query, after: 'job_unknown' })).toEqual({ jobs: [], hasMore: false });
      });

      it('by status, and without what has expired', async () => {
        const done = await end({ ttlMs: 1_000 });
        const waiting = await create();
        const query = { owners: ['owner-1'], limit: 10, after: null, status: null };
        const ids = async (status: 'completed' | 'queued' | null) =>
          (await store.list({ ...query, status })).jobs.map(({ id }) => id);
        expect(await ids('completed')).toEqual([done.id]);
        expect(await ids('queued')).toEqual([waiting.id]);
        clock.advance(1_000);
        expect(await ids(null)).toEqual([waiting.id]);
      });
    });

    describe('the end of storage', () => {
      it('deletes ended jobs only, and leaves nothing behind', async () => {
        const empty = await backend.contents();
        const [waiting, active] = [await create(), await running()];
        expect(await store.remove(waiting.id)).toBe('not_ended');
        expect(await store.remove(active.id)).toBe('not_ended');
        expect(await store.remove('job_unknown')).toBe('gone');
        await store.cancel(waiting.id);
        await store.append(active.id, { attempt: 1, chunks: 1, size: 3, events: null }, 0, bytes(1));
        await store.settle(active.id, 1, completed(1, 2), { eventsBefore: 0, bytes: bytes(2) });
        for (const job of [waiting, active]) expect(await store.remove(job.id)).toBe('removed');
        expect(await store.get(active.id)).toBeNull();
        expect(await backend.contents()).toEqual(empty);
      });

      it('is reached by itself: gone for everybody at expiry, swept soon after', async () => {
        const empty = await backend.contents();
        const job = await end({ ttlMs: 1_000 });
        clock.advance(999);
        expect(await store.get(job.id)).not.toBeNull();
        clock.advance(1);
        expect(await store.get(job.id)).toBeNull();
        expect(await store.remove(job.id)).toBe('gone');
        expect(await store.requeue(job.id, null)).toEqual({ kind: 'gone' });
        expect(await store.cancel(job.id)).toBeNull();
        await store.sweep(100);
        expect(await backend.contents()).toEqual(empty);
      });

      it('never comes to a job that has not ended', async () => {
        const job = await running({ expiresAt: clock.now() + 1_000 });
        clock.advance(5_000);
        await store.sweep(100);
        expect(await store.get(job.id)).toMatchObject({ status: 'in_progress' });
      });
    });

    describe('stranded jobs', () => {
      it('are those due, or with a lease run out, for longer than the grace; each is named once in it', async () => {
        const late = await create();
        const lost = await running();
        const delayed = await create({ dueAt: clock.now() + 600_000 });
        await end();
        const ids = async () => (await store.stranded(clock.now() - 60_000, 10)).map(({ id }) => id).toSorted();
        clock.advance(59_999);
        expect(await ids()).toEqual([]);
        clock.advance(1);
        expect(await ids()).toEqual([late.id]);
        clock.advance(LEASE);
        expect(await ids()).toEqual([lost.id]);
        expect(await ids()).toEqual([]);
        clock.advance(60_000);
        expect(await ids()).toEqual([late.id, lost.id].toSorted());
        expect(await ids()).not.toContain(delayed.id);
      });

      it('are gone through page by page', async () => {
        const jobs = [await create(), await create(), await create()];
        const pages = [];
        for (let page = 0; page < 3; page++) pages.push(...(await store.stranded(clock.now(), 2)));
        expect(pages.map(({ id }) => id).toSorted()).toEqual(jobs.map(({ id }) => id).toSorted());
      });

      it('are ended where their time is over', async () => {
        const job = await create({ expiresAt: clock.now() + 1_000 });
        expect(await store.endOverdue(job.id)).toEqual(job);
        clock.advance(1_000);
        expect(await store.endOverdue(job.id)).toMatchObject({ status: 'expired' });
        expect(await store.endOverdue('job_unknown')).toBeNull();
      });
    });

    it('counts jobs by status', async () => {
      await create();
      await running();
      await end();
      expect(await store.counts()).toMatchObject({ queued: 1, in_progress: 1, completed: 1, failed: 0 });
      const again = await running();
      await store.settle(again.id, 1, FAILED, null);
      expect(await other.counts()).toMatchObject({ queued: 1, in_progress: 1, completed: 1, failed: 1 });
      await store.requeue(again.id, null);
      expect(await store.counts()).toMatchObject({ queued: 2, in_progress: 1, failed: 0 });
      await store.cancel(again.id);
      await store.remove(again.id);
      const none = { queued: 1, in_progress: 1, completed: 1, failed: 0, cancelled: 0, expired: 0 };
      expect(await store.counts()).toEqual(none);
    });
  });
}
