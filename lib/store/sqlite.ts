import type { SQLInputValue } from 'node:sqlite';
import type { Clock } from '../clock.ts';
import {
  abandon,
  cancel,
  claim,
  endOverdue,
  holds,
  isEnded,
  isToBeCancelled,
  type Job,
  type Progress,
  type RunningJob,
  requeue,
  settle,
  takeBack,
} from '../jobs/job.ts';
import { claimWebhook, isWebhookSettled, settleWebhook, type WebhookClaim } from '../jobs/webhook.ts';
import { bytes, bytesOrNull, Database, integer, text } from '../sqlite/database.ts';
import { decodeJob, encodeJob, wakeAt, webhookAt } from './record.ts';
import { Eraser, stepBudget } from './sqlite-erase.ts';
import { migrations } from './sqlite-schema.ts';
import { prepareStatements } from './sqlite-statements.ts';
import { SqliteWatch } from './sqlite-watch.ts';
import { type Claimed, type Created, type NewChunk, type Store, UNLIMITED, type Withdrawn } from './store.ts';

interface Stored {
  readonly job: Job;
  readonly credential: Uint8Array | null;
}

export interface SqliteStoreOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Told when the file is found deleted or replaced. */
  readonly onGone?: (path: string) => void;
}

/** The embedded store: one file, every commit flushed to the disk before it is reported. */
export function sqliteStore({ clock, ...file }: SqliteStoreOptions): Store {
  const db = new Database({ ...file, synchronous: 'FULL', migrations });
  const watch = new SqliteWatch(db);
  const eraser = new Eraser(db, clock);

  const sql = prepareStatements(db);

  function read(id: string): Stored | null {
    const row = sql.byId.get(id);
    if (row === undefined) return null;
    const job = decodeJob(text(row, 'record'), bytes(row, 'profile'));
    if (isEnded(job) && job.expiresAt <= clock.now()) return null;
    return { job, credential: bytesOrNull(row, 'credential') };
  }

  /** Writes the job's next state; what the end makes needless goes in the same transaction. */
  function save(job: Job, credential: Uint8Array | null): void {
    const kept = isEnded(job) ? null : credential;
    sql.update.run(job.status, job.version, wakeAt(job), webhookAt(job), encodeJob(job), kept, job.id);
    if (job.progress === null || isEnded(job)) eraser.results(job.id, lastNeedless(job));
    // A completed job is never run again; any other end may be, so its body stays until it expires.
    if (job.status === 'completed') eraser.body(job.id);
  }

  function erase(id: string, budget = stepBudget()): void {
    sql.remove.run(id);
    eraser.job(id, budget);
  }

  function waiting(owner: string): number {
    const row = sql.waiting.get(owner);
    return row === undefined ? 0 : integer(row, 'n');
  }

  async function change<T>(id: string, step: () => T): Promise<T> {
    const outcome = await db.write(step);
    watch.notify(id);
    return outcome;
  }

  /** Changes the job by a pure transition that returns the same object where there is nothing to change. */
  function transition(id: string, next: (job: Job, now: number) => Job): Promise<Job | null> {
    return change(id, () => {
      const stored = read(id);
      if (stored === null) return null;
      const job = next(stored.job, clock.now());
      if (job !== stored.job) save(job, stored.credential);
      return job;
    });
  }

  function asHolder<T>(
    id: string,
    attempt: number,
    step: (job: RunningJob, credential: Uint8Array | null) => T,
  ): Promise<T | { kind: 'fenced' }> {
    return change<T | { kind: 'fenced' }>(id, () => {
      const stored = read(id);
      if (stored === null || !holds(stored.job, attempt)) return { kind: 'fenced' };
      return step(stored.job, stored.credential);
    });
  }

  function putResult(id: string, progress: Progress, chunk: NewChunk): void {
    sql.putResult.run(id, progress.attempt, progress.chunks - 1, chunk.eventsBefore, chunk.bytes);
  }

  return {
    async putBodyChunk(id, index, chunk) {
      await db.write(() => {
        if (read(id) !== null) return;
        sql.putBody.run(id, index, chunk);
        eraser.uploading(id);
      });
    },

    dropBody: (id) => db.write(() => eraser.body(id)),

    create({ job, credential, body, idempotency, limits = UNLIMITED }) {
      return change<Created>(job.id, () => {
        for (const named of idempotency === null ? [] : [idempotency, ...idempotency.earlier]) {
          const earlier = sql.byKey.get(named.key);
          if (earlier === undefined) continue;
          const stored = read(text(earlier, 'id'));
          const same = earlier['fingerprint'] === named.fingerprint;
          if (stored !== null && same) sql.share.run(stored.job.id);
          if (stored !== null) return { kind: same ? 'duplicate' : 'conflict', job: stored.job };
          erase(text(earlier, 'id'));
        }
        if (waiting(EVERYBODY) >= limits.all) return { kind: 'full', scope: 'all' };
        if (waiting(job.owner) >= limits.caller) return { kind: 'full', scope: 'caller' };
        const { id, owner, status, version, profile } = job;
        const key = idempotency?.key ?? null;
        const fingerprint = idempotency?.fingerprint ?? null;
        const row: SQLInputValue[] = [id, owner, status, version, wakeAt(job), key, fingerprint];
        sql.insert.run(...row, encodeJob(job), profile, credential);
        if (body !== null) sql.putBody.run(id, 0, body);
        else if (job.request.chunks > 0) eraser.adopt(id);
        return { kind: 'created', job };
      });
    },

    waiting: async (owner) => ({ all: waiting(EVERYBODY), caller: waiting(owner) }),

    get: async (id) => read(id)?.job ?? null,

    withdraw(id) {
      return change<Withdrawn>(id, () => {
        const job = read(id)?.job ?? null;
        const isShared = sql.isShared.get(id)?.['shared'] === 1;
        if (job !== null && (job.status !== 'queued' || job.attempts > 0 || isShared)) return { kind: 'kept', job };
        erase(id);
        return { kind: 'withdrawn' };
      });
    },

    claim(id, leaseMs, sending) {
      return change<Claimed>(id, () => {
        const stored = read(id);
        if (stored === null) return { kind: 'gone' };
        const claimed = claim(stored.job, clock.now(), leaseMs, sending);
        if (claimed.kind === 'ended' && claimed.job !== stored.job) save(claimed.job, null);
        if (claimed.kind !== 'claimed') return claimed;
        save(claimed.job, stored.credential);
        const row = claimed.job.request.chunks === 1 ? sql.body.get(id, 0) : undefined;
        return { ...claimed, credential: stored.credential, body: row === undefined ? null : bytes(row, 'bytes') };
      });
    },

    renew(id, attempt, leaseMs) {
      return asHolder(id, attempt, (job, credential) => {
        save({ ...job, leaseUntil: clock.now() + leaseMs }, credential);
        return { kind: 'renewed', cancelRequested: isToBeCancelled(job, clock.now()) };
      });
    },

    append(id, progress, eventsBefore, chunk) {
      return asHolder(id, progress.attempt, (job, credential) => {
        putResult(id, progress, { eventsBefore, bytes: chunk });
        save({ ...job, version: job.version + 1, progress }, credential);
        return { kind: 'appended', cancelRequested: isToBeCancelled(job, clock.now()) };
      });
    },

    settle(id, attempt, outcome, last) {
      return asHolder(id, attempt, (job, credential) => {
        const next = settle(job, outcome, clock.now());
        save(next, credential);
        if (last !== null && next.progress !== null) putResult(id, next.progress, last);
        return { kind: 'settled', job: next };
      });
    },

    cancel: (id) => transition(id, cancel),
    endOverdue: (id) => transition(id, (job, now) => endOverdue(job, now) ?? job),
    abandon(id, error, sending) {
      return change(id, () => {
        const stored = read(id);
        if (stored === null) return null;
        const job = abandon(stored.job, clock.now(), error, sending);
        if (job === null) return { job: stored.job, changed: false };
        save(job, stored.credential);
        return { job, changed: true };
      });
    },

    takeBack: (id, version, before) => transition(id, (job) => takeBack(job, version, before)),

    requeue(id, credential) {
      return change(id, () => {
        const stored = read(id);
        if (stored === null) return { kind: 'gone' };
        const job = requeue(stored.job, clock.now());
        if (job === null) return { kind: 'refused', job: stored.job };
        save(job, credential);
        return { kind: 'requeued', job };
      });
    },

    claimWebhook(id, leaseMs) {
      return change<WebhookClaim>(id, () => {
        const stored = read(id);
        const claimed = stored === null ? NO_WEBHOOK : claimWebhook(stored.job, clock.now(), leaseMs);
        if (claimed.kind === 'claimed' || claimed.kind === 'spent') save(claimed.job, null);
        return claimed;
      });
    },

    settleWebhook(id, attempt, outcome, delivery) {
      return change(id, () => {
        const stored = read(id);
        if (stored === null) return null;
        const job = settleWebhook(stored.job, attempt, outcome, delivery);
        if (job !== stored.job) save(job, null);
        return isWebhookSettled(job, attempt) ? job : null;
      });
    },

    async bodyChunk(id, index) {
      const row = sql.body.get(id, index);
      return row === undefined ? null : bytes(row, 'bytes');
    },

    async resultChunks(id, attempt, from, limit) {
      return sql.results.all(id, attempt, from, limit).map((row) => ({
        index: integer(row, 'idx'),
        eventsBefore: integer(row, 'events_before'),
        bytes: bytes(row, 'bytes'),
      }));
    },

    async chunkOfEvent(id, attempt, event) {
      return integer(sql.chunkOfEvent.get(id, attempt, event) ?? {}, 'idx');
    },

    async list({ owners, limit, after, status }) {
      const start = after === null ? undefined : sql.seq.get(after);
      if (after !== null && start === undefined) return { jobs: [], hasMore: false };
      const marks = owners.map(() => '?').join(', ');
      const query = `SELECT record, profile FROM job WHERE owner IN (${marks}) ${status === null ? '' : 'AND status = ?'}
        AND seq < ? AND (wake_at > ? OR status IN ('queued', 'in_progress')) ORDER BY seq DESC LIMIT ?`;
      const seq = start === undefined ? Number.MAX_SAFE_INTEGER : integer(start, 'seq');
      const values = [...owners, ...(status === null ? [] : [status]), seq, clock.now(), limit + 1];
      const jobs = db
        .prepare(query)
        .all(...values)
        .map((row) => decodeJob(text(row, 'record'), bytes(row, 'profile')));
      return { jobs: jobs.slice(0, limit), hasMore: jobs.length > limit };
    },

    remove(id) {
      return change(id, () => {
        const stored = read(id);
        if (stored === null) return 'gone';
        if (!isEnded(stored.job)) return 'not_ended';
        erase(id);
        return 'removed';
      });
    },

    stranded(dueBefore, limit) {
      return db.write(() => {
        const lookAgain = Math.max(clock.now(), dueBefore + 1);
        const found = (due: typeof sql.due, snooze: typeof sql.snooze, most: number) => {
          const jobs = due.all(dueBefore, most).map((row) => decodeJob(text(row, 'record'), bytes(row, 'profile')));
          for (const job of jobs) snooze.run(lookAgain, job.id);
          return jobs;
        };
        const jobs = found(sql.due, sql.snooze, limit);
        return [...jobs, ...found(sql.webhooks, sql.snoozeWebhook, limit - jobs.length)];
      });
    },

    async sweep(limit) {
      const removed = await db.write(() => {
        const ids = sql.expired.all(clock.now(), limit).map((row) => text(row, 'id'));
        const budget = stepBudget();
        for (const id of ids) erase(id, budget);
        eraser.listed(budget);
        return ids.length;
      });
      eraser.work();
      eraser.check();
      return removed;
    },

    async changed(id, version, ms, signal) {
      const isOther = () => {
        const row = sql.version.get(id);
        return row === undefined || integer(row, 'version') !== version;
      };
      await watch.wait(id, ms, signal, isOther);
      const job = read(id)?.job ?? null;
      return job?.version === version ? 'same' : job;
    },

    async counts() {
      const counts = { queued: 0, in_progress: 0, completed: 0, failed: 0, cancelled: 0, expired: 0 };
      return Object.assign(
        counts,
        Object.fromEntries(sql.counts.all(clock.now()).map((row) => [row['status'], row['n']])),
      );
    },

    async close() {
      watch.close();
      await eraser.close();
      await db.close();
    },
  };
}

/** In place of an owner, in the table that counts the jobs which wait. */
const EVERYBODY = '*';

const NO_WEBHOOK: WebhookClaim = { kind: 'nothing' };

/** The last attempt whose chunks nobody needs any more, of a job whose results are to be tidied. */
function lastNeedless(job: Job): number {
  if (job.progress !== null) return job.progress.attempt - 1;
  // The attempt that runs has stored nothing yet; what it will store must not be taken for needless.
  return job.status === 'in_progress' ? job.attempts - 1 : job.attempts;
}
