import type { SQLInputValue } from 'node:sqlite';
import type { Clock } from '../clock.ts';
import {
  abandon,
  cancel,
  claim,
  endOverdue,
  holds,
  isEnded,
  type Job,
  type Progress,
  type RunningJob,
  requeue,
  settle,
} from '../jobs/job.ts';
import { bytes, bytesOrNull, Database, integer, text } from '../sqlite/database.ts';
import { decodeJob, encodeJob, wakeAt } from './record.ts';
import { migrations } from './sqlite-schema.ts';
import { SqliteWatch } from './sqlite-watch.ts';
import type { Claimed, Created, NewChunk, Store } from './store.ts';

/** Chunks whose job was never created (its caller went away in mid-upload) are dropped after this long. */
const ORPHAN_MS = 3_600_000;

interface Stored {
  readonly job: Job;
  readonly credential: Uint8Array | null;
}

/** The embedded store: one file, every commit flushed to the disk before it is reported. */
export function sqliteStore(options: { path: string; clock: Clock }): Store {
  const { clock } = options;
  const db = new Database({ path: options.path, synchronous: 'FULL', migrations });
  const watch = new SqliteWatch(db);

  const sql = {
    byId: db.prepare('SELECT record, profile, credential FROM job WHERE id = ?'),
    byKey: db.prepare('SELECT id, fingerprint FROM job WHERE idempotency_key = ?'),
    version: db.prepare('SELECT version FROM job WHERE id = ?'),
    insert: db.prepare(
      `INSERT INTO job (id, owner, status, version, wake_at, idempotency_key, fingerprint, record, profile, credential)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    update: db.prepare('UPDATE job SET status = ?, version = ?, wake_at = ?, record = ?, credential = ? WHERE id = ?'),
    remove: db.prepare('DELETE FROM job WHERE id = ?'),
    putBody: db.prepare('INSERT OR REPLACE INTO body_chunk (job_id, idx, orphan_since, bytes) VALUES (?, ?, ?, ?)'),
    body: db.prepare('SELECT bytes FROM body_chunk WHERE job_id = ? AND idx = ?'),
    dropBody: db.prepare('DELETE FROM body_chunk WHERE job_id = ?'),
    adoptBody: db.prepare('UPDATE body_chunk SET orphan_since = NULL WHERE job_id = ?'),
    orphans: db.prepare('DELETE FROM body_chunk WHERE orphan_since < ?'),
    putResult: db.prepare(
      'INSERT OR REPLACE INTO result_chunk (job_id, attempt, idx, events_before, bytes) VALUES (?, ?, ?, ?, ?)',
    ),
    results: db.prepare(
      'SELECT idx, events_before, bytes FROM result_chunk WHERE job_id = ? AND attempt = ? AND idx >= ? ORDER BY idx LIMIT ?',
    ),
    chunkOfEvent: db.prepare(
      'SELECT coalesce(max(idx), 0) AS idx FROM result_chunk WHERE job_id = ? AND attempt = ? AND events_before <= ?',
    ),
    dropOtherResults: db.prepare('DELETE FROM result_chunk WHERE job_id = ? AND attempt <> ?'),
    due: db.prepare(
      `SELECT record, profile FROM job WHERE status IN ('queued', 'in_progress') AND wake_at <= ? ORDER BY wake_at LIMIT ?`,
    ),
    snooze: db.prepare('UPDATE job SET wake_at = ? WHERE id = ?'),
    expired: db.prepare(
      `SELECT id FROM job WHERE status IN ('completed', 'failed', 'cancelled', 'expired') AND wake_at <= ? ORDER BY wake_at LIMIT ?`,
    ),
    counts: db.prepare('SELECT status, count(*) AS n FROM job GROUP BY status'),
    seq: db.prepare('SELECT seq FROM job WHERE id = ?'),
  };

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
    sql.update.run(job.status, job.version, wakeAt(job), encodeJob(job), kept, job.id);
    if (job.progress === null || isEnded(job)) sql.dropOtherResults.run(job.id, job.progress?.attempt ?? 0);
    // A completed job is never run again; any other end may be, so its body stays until it expires.
    if (job.status === 'completed') sql.dropBody.run(job.id);
  }

  function erase(id: string): void {
    sql.remove.run(id);
    sql.dropBody.run(id);
    sql.dropOtherResults.run(id, 0);
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
      await db.write(() => sql.putBody.run(id, index, clock.now(), chunk));
    },

    dropBody: (id) => db.write(() => void sql.dropBody.run(id)),

    create({ job, credential, body, idempotency }) {
      return change<Created>(job.id, () => {
        for (const named of idempotency === null ? [] : [idempotency, ...idempotency.earlier]) {
          const earlier = sql.byKey.get(named.key);
          if (earlier === undefined) continue;
          const stored = read(text(earlier, 'id'));
          const same = earlier['fingerprint'] === named.fingerprint;
          if (stored !== null) return { kind: same ? 'duplicate' : 'conflict', job: stored.job };
          erase(text(earlier, 'id'));
        }
        const { id, owner, status, version, profile } = job;
        const key = idempotency?.key ?? null;
        const fingerprint = idempotency?.fingerprint ?? null;
        const row: SQLInputValue[] = [id, owner, status, version, wakeAt(job), key, fingerprint];
        sql.insert.run(...row, encodeJob(job), profile, credential);
        if (body !== null) sql.putBody.run(id, 0, null, body);
        else if (job.request.chunks > 0) sql.adoptBody.run(id);
        return { kind: 'created', job };
      });
    },

    get: async (id) => read(id)?.job ?? null,

    claim(id, leaseMs) {
      return change<Claimed>(id, () => {
        const stored = read(id);
        if (stored === null) return { kind: 'gone' };
        const claimed = claim(stored.job, clock.now(), leaseMs);
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
        const dueToEnd = job.cancelAt !== null && job.cancelAt <= clock.now();
        return { kind: 'renewed', cancelRequested: dueToEnd || job.cancelRequestedAt !== null };
      });
    },

    append(id, progress, eventsBefore, chunk) {
      return asHolder(id, progress.attempt, (job, credential) => {
        putResult(id, progress, { eventsBefore, bytes: chunk });
        save({ ...job, version: job.version + 1, progress }, credential);
        return { kind: 'appended' };
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
    abandon: (id, error) => transition(id, (job, now) => abandon(job, now, error) ?? job),

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
        const rows = sql.due.all(dueBefore, limit);
        const jobs = rows.map((row) => decodeJob(text(row, 'record'), bytes(row, 'profile')));
        for (const job of jobs) sql.snooze.run(Math.max(clock.now(), dueBefore + 1), job.id);
        return jobs;
      });
    },

    sweep(limit) {
      return db.write(() => {
        const now = clock.now();
        const ids = sql.expired.all(now, limit).map((row) => text(row, 'id'));
        for (const id of ids) erase(id);
        sql.orphans.run(now - ORPHAN_MS);
        return ids.length;
      });
    },

    changed: (id, version, ms, signal) =>
      watch.wait(id, ms, signal, () => {
        const row = sql.version.get(id);
        return row === undefined || integer(row, 'version') !== version;
      }),

    async counts() {
      const counts = { queued: 0, in_progress: 0, completed: 0, failed: 0, cancelled: 0, expired: 0 };
      return Object.assign(counts, Object.fromEntries(sql.counts.all().map((row) => [row['status'], row['n']])));
    },

    async close() {
      watch.close();
      await db.close();
    },
  };
}
