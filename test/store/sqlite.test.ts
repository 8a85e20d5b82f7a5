import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sqliteStore } from '../../lib/store/sqlite.ts';
import { bytes, newJob, testClock } from '../contract/fixtures.ts';
import { storeContract } from '../contract/storeContract.ts';

storeContract('SQLite', async (clock) => {
  const folder = await mkdtemp(join(tmpdir(), 'store-'));
  const path = join(folder, 'jobs.db');
  const store = sqliteStore({ path, clock });
  const other = sqliteStore({ path, clock });
  return {
    store,
    other,
    async contents() {
      const db = new DatabaseSync(path, { readOnly: true });
      const rows = ['job', 'body_chunk', 'result_chunk'].flatMap((table) =>
        db
          .prepare(`SELECT * FROM ${table}`)
          .all()
          .map((row) => `${table} ${row['id'] ?? row['job_id']}`),
      );
      db.close();
      return rows;
    },
    async close() {
      await store.close();
      await other.close();
      await rm(folder, { recursive: true });
    },
  };
});

describe('the embedded store file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'store-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is refused where a newer version has written it', () => {
    const path = join(folder, 'jobs.db');
    const db = new DatabaseSync(path);
    db.exec('PRAGMA user_version = 99');
    db.close();
    expect(() => sqliteStore({ path, clock: testClock() })).toThrow(/newer version/);
  });

  it('flushes every commit: write-ahead log, synchronous FULL', async () => {
    const path = join(folder, 'jobs.db');
    const clock = testClock();
    const store = sqliteStore({ path, clock });
    const job = newJob(clock);
    await store.create({ job, credential: null, body: bytes(1), idempotency: null });
    const db = new DatabaseSync(path);
    expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    db.close();
    await store.close();
    const again = sqliteStore({ path, clock });
    expect(await again.get(job.id)).toEqual(job);
    await again.close();
  });

  it('counts no job whose time is over, also before it is swept', async () => {
    const clock = testClock();
    const store = sqliteStore({ path: join(folder, 'jobs.db'), clock });
    for (const ttlMs of [1_000, 1_001]) {
      const job = newJob(clock, { ttlMs });
      await store.create({ job, credential: null, body: null, idempotency: null });
      await store.cancel(job.id);
    }
    await store.create({
      job: newJob(clock, { expiresAt: clock.now() }),
      credential: null,
      body: null,
      idempotency: null,
    });
    expect(await store.counts()).toMatchObject({ queued: 1, cancelled: 2 });
    clock.advance(1_000);
    expect(await store.counts()).toMatchObject({ queued: 1, cancelled: 1 });
    await store.close();
  });

  it('keeps the good writes of a group in which one fails', async () => {
    const clock = testClock();
    const store = sqliteStore({ path: join(folder, 'jobs.db'), clock });
    const job = newJob(clock);
    const make = () => store.create({ job, credential: null, body: null, idempotency: null });
    const another = newJob(clock);
    const outcomes = await Promise.allSettled([
      make(),
      make(),
      store.create({ job: another, credential: null, body: null, idempotency: null }),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await store.get(another.id)).toEqual(another);
    await store.close();
  });

  it('waits for the lock of another process without stopping the event loop', async () => {
    const path = join(folder, 'jobs.db');
    const clock = testClock();
    const store = sqliteStore({ path, clock });
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    let ticks = 0;
    const ticking = setInterval(() => {
      ticks += 1;
      if (ticks === 5) other.exec('COMMIT');
    }, 20);
    const job = newJob(clock);
    await store.create({ job, credential: null, body: null, idempotency: null });
    clearInterval(ticking);
    expect(ticks).toBeGreaterThanOrEqual(5);
    expect(await store.get(job.id)).toEqual(job);
    other.close();
    await store.close();
  });
});
