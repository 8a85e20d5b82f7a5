import { describe, expect, it } from 'vitest';
import {
  abandon,
  cancel,
  claim,
  endOverdue,
  holds,
  isEnded,
  type Job,
  MAX_LOSSES,
  type Outcome,
  requeue,
  settle,
} from '../../lib/jobs/job.ts';
import { AT, byStatus, cancelled, completed, expired, failed, failure, queued, result, running, TTL } from './jobs.ts';

const NOW = AT + 1_000;
const endedJobs = [completed, failed, cancelled, expired];
const unfinished: Job[] = [queued, running];

describe('generations', () => {
  it('begin with one, and rise with each run that the caller asks for, and with nothing else', () => {
    const claimed = claim(queued, NOW, 5_000);
    const kept = [
      claimed.kind === 'claimed' ? claimed.job : null,
      cancel(queued, NOW),
      settle(running, { kind: 'retry', dueAt: NOW }, NOW),
      settle(running, { kind: 'released' }, NOW),
      abandon(queued, NOW, failure),
    ];
    expect(kept.map((job) => job?.generation)).toEqual([1, 1, 1, 1, 1]);
    expect(requeue(failed, NOW)?.generation).toBe(2);
    expect(requeue({ ...cancelled, generation: 2 }, NOW)?.generation).toBe(3);
  });

  it('an earlier one has no say; one that is not named has, and so has one that this record does not know of yet', () => {
    const again = { ...queued, generation: 3 };
    const kindOf = (generation: number | null) => claim(again, NOW, 5_000, generation).kind;
    expect([1, 2, 3, 4, null].map(kindOf)).toEqual(['superseded', 'superseded', 'claimed', 'claimed', 'claimed']);
    expect([2, 3, null].map((generation) => abandon(again, NOW, failure, generation)?.status)).toEqual([
      undefined,
      'failed',
      'failed',
    ]);
    expect(claim({ ...completed, generation: 3 }, NOW, 5_000, 1).kind).toBe('superseded');
  });
});

describe('which steps there are', () => {
  /** For each status: what becomes of the job by each step; a dash where it stays as it is or is refused. */
  const table: [Job['status'], Record<string, string>][] = [
    ['queued', { claim: 'in_progress', cancel: 'cancelled', requeue: '-', abandon: 'failed', overdue: '-' }],
    ['in_progress', { claim: 'held', cancel: 'in_progress', requeue: '-', abandon: '-', overdue: '-' }],
    ['completed', { claim: 'ended', cancel: '-', requeue: '-', abandon: '-', overdue: '-' }],
    ['failed', { claim: 'ended', cancel: '-', requeue: 'queued', abandon: '-', overdue: '-' }],
    ['cancelled', { claim: 'ended', cancel: '-', requeue: 'queued', abandon: '-', overdue: '-' }],
    ['expired', { claim: 'ended', cancel: '-', requeue: 'queued', abandon: '-', overdue: '-' }],
  ];

  it.each(table)('from %s', (status, steps) => {
    const job: Job = byStatus[status];
    const taken = claim(job, NOW, 5_000);
    const after = cancel(job, NOW);
    expect({
      claim: taken.kind === 'claimed' ? taken.job.status : taken.kind,
      cancel: after === job ? '-' : after.status,
      requeue: requeue(job, NOW)?.status ?? '-',
      abandon: abandon(job, NOW, failure)?.status ?? '-',
      overdue: endOverdue(job, NOW)?.status ?? '-',
    }).toEqual(steps);
    expect(isEnded(job)).toBe(status !== 'queued' && status !== 'in_progress');
  });

  it('each step that changes the job raises its version, and leaves what is fixed', () => {
    const claimed = claim(queued, NOW, 5_000);
    const steps: [Job, Job | null][] = [
      [queued, claimed.kind === 'claimed' ? claimed.job : null],
      [queued, cancel(queued, NOW)],
      [running, cancel(running, NOW)],
      [running, settle(running, { kind: 'retry', dueAt: NOW }, NOW)],
      [running, settle(running, { kind: 'completed', result, usage: null }, NOW)],
      [queued, abandon(queued, NOW, failure)],
      [failed, requeue(failed, NOW)],
    ];
    for (const [before, after] of steps) {
      expect(after?.version).toBe(before.version + 1);
      const { id, owner, createdAt, request, profile, ttlMs } = before;
      expect(after).toMatchObject({ id, owner, createdAt, request, profile, ttlMs });
    }
  });
});

describe('claim', () => {
  it('counts the attempt, takes the lease, and keeps when the job first began', () => {
    const first = claim(queued, NOW, 5_000);
    expect(first).toMatchObject({
      kind: 'claimed',
      job: { attempts: 1, startedAt: NOW, leaseUntil: NOW + 5_000, losses: 0, cancelRequestedAt: null, progress: null },
    });
    const again = claim({ ...queued, attempts: 3, startedAt: AT }, NOW, 5_000);
    expect(again).toMatchObject({ job: { attempts: 4, startedAt: AT } });
  });

  it('before the due time: early', () => {
    expect(claim({ ...queued, dueAt: NOW + 1 }, NOW, 5_000)).toEqual({ kind: 'early', dueAt: NOW + 1 });
    expect(claim({ ...queued, dueAt: NOW }, NOW, 5_000).kind).toBe('claimed');
  });

  it('while another holds the lease: held, to its last millisecond', () => {
    const { leaseUntil } = running;
    expect(claim(running, leaseUntil - 1, 5_000)).toEqual({ kind: 'held', until: leaseUntil });
    expect(claim(running, leaseUntil, 5_000)).toMatchObject({ kind: 'claimed', job: { attempts: 2, losses: 1 } });
  });

  it('of a job whose time is over: ended', () => {
    expect(claim(queued, queued.expiresAt, 5_000)).toMatchObject({ kind: 'ended', job: { status: 'expired' } });
    const timed = claim({ ...queued, cancelAt: NOW }, NOW, 5_000);
    expect(timed).toMatchObject({ kind: 'ended', job: { status: 'cancelled' } });
    const asked = claim({ ...running, cancelRequestedAt: NOW }, running.leaseUntil, 5_000);
    expect(asked).toMatchObject({ kind: 'ended', job: { status: 'cancelled', cancelRequestedAt: NOW } });
  });

  it('forgets what a lost attempt had stored', () => {
    const claimed = claim({ ...running, progress: { ...result, events: 3 } }, running.leaseUntil, 5_000);
    expect(claimed).toMatchObject({ job: { progress: null } });
  });
});

describe('endOverdue', () => {
  it('a queued job expires when its time is over, and is kept for as long again', () => {
    expect(endOverdue(queued, queued.expiresAt - 1)).toBeNull();
    const now = queued.expiresAt;
    expect(endOverdue(queued, now)).toMatchObject({ status: 'expired', completedAt: now, expiresAt: now + TTL });
  });

  it('cancelAt ends a waiting job, and one that runs only once nobody holds it', () => {
    expect(endOverdue({ ...queued, cancelAt: NOW + 1 }, NOW)).toBeNull();
    expect(endOverdue({ ...queued, cancelAt: NOW }, NOW)).toMatchObject({ status: 'cancelled' });
    expect(endOverdue({ ...running, cancelAt: NOW }, NOW)).toBeNull();
    expect(endOverdue({ ...running, cancelAt: NOW }, running.leaseUntil)).toMatchObject({ status: 'cancelled' });
  });

  it('a job that has lost too many workers fails', () => {
    const lost = (losses: number) => endOverdue({ ...running, losses }, running.leaseUntil);
    expect(lost(MAX_LOSSES - 1)).toBeNull();
    expect(lost(MAX_LOSSES)).toMatchObject({ status: 'failed', error: { code: 'workers_lost' } });
  });

  it('a running job does not expire', () => {
    expect(endOverdue({ ...running, leaseUntil: running.expiresAt * 2 }, running.expiresAt)).toBeNull();
    expect(endOverdue(running, running.expiresAt)).toBeNull();
  });
});

describe('settle', () => {
  const outcomes: [Outcome['kind'], Outcome, object][] = [
    ['completed', { kind: 'completed', result, usage: { n: 1 } }, { status: 'completed', result, usage: { n: 1 } }],
    ['failed', { kind: 'failed', error: failure, result: null }, { status: 'failed', error: failure, result: null }],
    ['cancelled', { kind: 'cancelled' }, { status: 'cancelled', cancelRequestedAt: NOW }],
    ['retry', { kind: 'retry', dueAt: NOW + 9 }, { status: 'queued', dueAt: NOW + 9, failures: 1, progress: null }],
    ['released', { kind: 'released' }, { status: 'queued', dueAt: NOW, failures: 0, progress: null }],
  ];

  it.each(outcomes)('%s', (_, outcome, expected) => {
    const next = settle(running, outcome, NOW);
    expect(next).toMatchObject({ attempts: 1, ...expected });
    if (isEnded(next)) expect(next).toMatchObject({ completedAt: NOW, expiresAt: NOW + TTL });
    else expect(next.expiresAt).toBe(running.expiresAt);
  });

  it.each(outcomes)('%s, when a cancellation was asked for', (kind, outcome) => {
    const next = settle({ ...running, cancelRequestedAt: AT + 7 }, outcome, NOW);
    if (kind === 'completed') expect(next.status).toBe('completed');
    else expect(next).toMatchObject({ status: 'cancelled', cancelRequestedAt: AT + 7 });
  });

  it('a failure leaves the beginning of a stream readable, and of nothing else', () => {
    const outcome: Outcome = { kind: 'failed', error: failure, result: null };
    const stream = { ...result, events: 3 };
    expect(settle({ ...running, progress: stream }, outcome, NOW).progress).toEqual(stream);
    expect(settle({ ...running, progress: result }, outcome, NOW).progress).toBeNull();
    expect(settle(running, { ...outcome, result }, NOW).progress).toEqual({
      attempt: 1,
      chunks: 1,
      size: 10,
      events: null,
    });
  });
});

describe('holds', () => {
  it('only for the attempt that runs', () => {
    expect(holds(running, 1)).toBe(true);
    expect(holds(running, 0)).toBe(false);
    expect(holds(running, 2)).toBe(false);
    for (const job of [queued, ...endedJobs]) expect(holds(job, job.attempts)).toBe(false);
  });
});

describe('cancel', () => {
  it('of a running job marks it once', () => {
    const marked = cancel(running, NOW);
    expect(marked).toMatchObject({ status: 'in_progress', cancelRequestedAt: NOW });
    expect(cancel(marked, NOW + 1)).toBe(marked);
  });

  it('of an ended job gives the same object', () => {
    for (const job of endedJobs) expect(cancel(job, NOW)).toBe(job);
  });
});

describe('requeue', () => {
  it('gives all attempts and the whole time again, under a higher attempt number', () => {
    const worn = { ...failed, attempts: 4, failures: 4, losses: 2, cancelAt: AT };
    expect(requeue(worn, NOW)).toMatchObject({
      ...{ attempts: 4, failures: 0, losses: 0, cancelAt: null, startedAt: null, progress: null },
      ...{ dueAt: NOW, expiresAt: NOW + TTL },
    });
    expect(requeue(worn, NOW)).not.toHaveProperty('error');
  });

  it('refuses what has not ended', () => {
    for (const job of unfinished) expect(requeue(job, NOW)).toBeNull();
  });
});

describe('abandon', () => {
  it('ends what waits, never what a worker has taken: also a lost one is made up for', () => {
    expect(abandon(queued, NOW, failure)).toMatchObject({ status: 'failed', error: failure });
    expect(abandon(running, running.leaseUntil - 1, failure)).toBeNull();
    expect(abandon(running, running.leaseUntil, failure)).toBeNull();
  });
});
