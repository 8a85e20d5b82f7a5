import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { claim, type Job, type RunningJob, settle } from '../../lib/jobs/job.ts';
import { encodeJob, wakeAt } from '../../lib/store/record.ts';
import { sqliteStore } from '../../lib/store/sqlite.ts';
import { bytes, completed, newJob, testClock } from '../contract/fixtures.ts';

/** As it was released: what a gateway of the first version has left on a disk. */
const VERSION_1 = `
  CREATE TABLE job (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT NOT NULL UNIQUE,
    owner           TEXT NOT NULL,
    status          TEXT NOT NULL,
    version         INTEGER NOT NULL,
    wake_at         INTEGER NOT NULL,
    idempotency_key TEXT UNIQUE,
    fingerprint     TEXT,
    record          TEXT NOT NULL,
    profile         BLOB NOT NULL,
    credential      BLOB
  ) STRICT;
  CREATE INDEX job_by_owner ON job (owner, seq);
  CREATE INDEX job_by_owner_and_status ON job (owner, status, seq);
  CREATE INDEX job_by_wake ON job (status, wake_at);
  CREATE TABLE body_chunk (
    job_id       TEXT NOT NULL,
    idx          INTEGER NOT NULL,
    orphan_since INTEGER,
    bytes        BLOB NOT NULL,
    UNIQUE (job_id, idx)
  ) STRICT;
  CREATE INDEX orphan_chunk ON body_chunk (orphan_since) WHERE orphan_since IS NOT NULL;
  CREATE TABLE result_chunk (
    job_id        TEXT NOT NULL,
    attempt       INTEGER NOT NULL,
    idx           INTEGER NOT NULL,
    events_before INTEGER NOT NULL,
    bytes         BLOB NOT NULL,
    UNIQUE (job_id, attempt, idx)
  ) STRICT;
  PRAGMA user_version = 1;
`;

/** Members that records of the first version do not have. */
const LATER = ['generation'];

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'upgrade-'));
  path = join(folder, 'jobs.db');
});
afterEach(() => rm(folder, { recursive: true }));

function record(job: Job): string {
  const members: object = JSON.parse(encodeJob(job));
  return JSON.stringify(Object.fromEntries(Object.entries(members).filter(([name]) => !LATER.includes(name))));
}

function running(job: Job, now: number): RunningJob {
  const claimed = claim(job, now, 5_000);
  if (claimed.kind !== 'claimed') throw new Error('not claimed');
  return claimed.job;
}

it('a file of the first version is opened: its jobs are read and run, its uploads become bodies or go', async () => {
  const clock = testClock();
  const now = clock.now();
  const waiting = newJob(clock, { request: { chunks: 2, size: 2 } });
  const done = settle(running(newJob(clock), now), completed(1), now);
  const uploaded = newJob(clock, { request: { chunks: 1, size: 1 } });

  const old = new DatabaseSync(path);
  old.exec(VERSION_1);
  const insert = old.prepare(
    `INSERT INTO job (id, owner, status, version, wake_at, idempotency_key, fingerprint, record, profile, credential)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  for (const [job, key] of [
    [waiting, 'key'],
    [done, null],
  ] as const) {
    insert.run(job.id, job.owner, job.status, job.version, wakeAt(job), key, key, record(job), job.profile, bytes(9));
  }
  const chunk = old.prepare('INSERT INTO body_chunk VALUES (?, ?, ?, ?)');
  chunk.run(waiting.id, 0, null, bytes(1));
  chunk.run(waiting.id, 1, null, bytes(2));
  chunk.run(uploaded.id, 0, now, bytes(3));
  chunk.run('job_left', 0, now - 3_000_000, bytes(4));
  old.prepare('INSERT INTO result_chunk VALUES (?, 1, 0, 0, ?)').run(done.id, bytes(5));
  old.close();

  const store = sqliteStore({ path, clock });
  expect(await store.get(waiting.id)).toEqual(waiting);
  expect(await store.get(done.id)).toEqual(done);
  expect(await store.resultChunks(done.id, 1, 0, 9)).toEqual([{ index: 0, eventsBefore: 0, bytes: bytes(5) }]);
  const idempotency = { key: 'key', fingerprint: 'key', earlier: [] };
  expect(await store.create({ job: newJob(clock), credential: null, body: null, idempotency })).toMatchObject({
    kind: 'duplicate',
    job: { id: waiting.id },
  });
  expect(await store.claim(waiting.id, 5_000)).toMatchObject({ kind: 'claimed', credential: bytes(9) });
  expect([await store.bodyChunk(waiting.id, 0), await store.bodyChunk(waiting.id, 1)]).toEqual([bytes(1), bytes(2)]);
  await store.create({ job: uploaded, credential: null, body: null, idempotency: null });

  clock.advance(600_000);
  await store.sweep(10);
  expect(await store.bodyChunk('job_left', 0)).toBeNull();
  clock.advance(2_000_000);
  await store.sweep(10);
  expect(await store.bodyChunk(uploaded.id, 0)).toEqual(bytes(3));
  await store.close();

  const opened = new DatabaseSync(path, { readOnly: true });
  expect(opened.prepare('PRAGMA user_version').get()).toEqual({ user_version: 3 });
  opened.close();
});
