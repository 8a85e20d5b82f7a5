import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Outcome, QueuedJob, Result } from '../../lib/jobs/job.ts';
import { sqliteStore } from '../../lib/store/sqlite.ts';
import type { Store } from '../../lib/store/store.ts';
import { bytes, completed, newJob, resultOf, type TestClock, testClock } from '../contract/fixtures.ts';

/** 5 MiB: more than one transaction erases. */
const CHUNKS = 20;
const CHUNK = new Uint8Array(262_144).fill(7);
const STEP = 8;

let folder: string;
let path: string;
let clock: TestClock;
let store: Store;
let reader: DatabaseSync;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'erase-'));
  path = join(folder, 'jobs.db');
  clock = testClock();
  store = sqliteStore({ path, clock });
  reader = new DatabaseSync(path, { readOnly: true });
});
afterEach(async () => {
  reader.close();
  await store.close();
  await rm(folder, { recursive: true });
});

function rows(table: 'body_chunk' | 'result_chunk' | 'orphan'): number {
  return Number(reader.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n']);
}

const allErased = () =>
  vi.waitFor(() => expect([rows('body_chunk'), rows('result_chunk'), rows('orphan')]).toEqual([0, 0, 0]), 10_000);

/** An end after which the body is kept, for another run. */
function failed(result: Result): Outcome {
  return { kind: 'failed', result, error: { message: 'no', type: 'NETWORK', code: 'no', upstreamStatus: 500 } };
}

async function upload(id: string): Promise<void> {
  for (let index = 0; index < CHUNKS; index++) await store.putBodyChunk(id, index, CHUNK);
}

async function create(overrides: Partial<QueuedJob> = {}): Promise<QueuedJob> {
  const job = newJob(clock, { request: { chunks: CHUNKS, size: CHUNKS * CHUNK.length }, ...overrides });
  await upload(job.id);
  await store.create({ job, credential: bytes(9), body: null, idempotency: null });
  return job;
}

async function answer(id: string, attempt: number): Promise<void> {
  await store.claim(id, 5_000);
  for (let chunks = 1; chunks <= CHUNKS; chunks++) {
    await store.append(id, { attempt, chunks, size: chunks, events: null }, 0, CHUNK);
  }
}

/** An ended job whose body and result are both long. */
async function long(overrides: Partial<QueuedJob> = {}): Promise<QueuedJob> {
  const job = await create(overrides);
  await answer(job.id, 1);
  await store.settle(job.id, 1, failed(resultOf(1, CHUNKS)), null);
  return job;
}

async function readable(id: string): Promise<number> {
  let found = (await store.resultChunks(id, 1, 0, 100)).length;
  for (let index = 0; index < CHUNKS; index++) if ((await store.bodyChunk(id, index)) !== null) found++;
  return found;
}

describe('what is long', () => {
  it('is unreadable at once when its job is deleted, and erased soon after', async () => {
    const { id } = await long();
    expect(await readable(id)).toBe(2 * CHUNKS);
    expect(await store.remove(id)).toBe('removed');
    expect(rows('body_chunk') + rows('result_chunk')).toBeGreaterThanOrEqual(2 * CHUNKS - 2 * STEP);
    expect(await readable(id)).toBe(0);
    expect(await store.get(id)).toBeNull();
    await allErased();
  });

  it('is not erased in one transaction, of however many jobs', async () => {
    for (let count = 0; count < 3; count++) await long({ ttlMs: 1_000 });
    clock.advance(1_000);
    expect(await store.sweep(100)).toBe(3);
    expect(rows('body_chunk') + rows('result_chunk')).toBeGreaterThanOrEqual(6 * CHUNKS - STEP);
    await allErased();
  });

  it('is erased by a later process where this one is gone before', async () => {
    const { id } = await long();
    await store.remove(id);
    await store.close();
    expect(rows('orphan')).toBe(2);
    store = sqliteStore({ path, clock });
    expect(await readable(id)).toBe(0);
    await store.sweep(100);
    await allErased();
  });

  it('goes with completion: the body, while the result stays', async () => {
    const { id } = await create();
    await store.claim(id, 5_000);
    await store.settle(id, 1, completed(1), { eventsBefore: 0, bytes: bytes(1) });
    expect(await readable(id)).toBe(1);
    await vi.waitFor(() => expect([rows('body_chunk'), rows('result_chunk'), rows('orphan')]).toEqual([0, 1, 0]));
  });

  it('of an attempt that failed goes before the next, whose own answer stays', async () => {
    const { id } = await create();
    await answer(id, 1);
    await store.settle(id, 1, { kind: 'retry', dueAt: clock.now() }, null);
    expect(await store.resultChunks(id, 1, 0, 100)).toEqual([]);
    await answer(id, 2);
    await vi.waitFor(() => expect(rows('orphan')).toBe(0));
    expect(await store.resultChunks(id, 2, 0, 100)).toHaveLength(CHUNKS);
    await store.settle(id, 2, completed(2, CHUNKS), null);
    expect(await store.resultChunks(id, 2, 0, 100)).toHaveLength(CHUNKS);
  });
});

describe('an upload', () => {
  it('becomes the body of its job without being written again', async () => {
    const job = newJob(clock, { request: { chunks: CHUNKS, size: CHUNKS * CHUNK.length } });
    await upload(job.id);
    const other = new DatabaseSync(path);
    other.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    other.close();
    await store.create({ job, credential: null, body: null, idempotency: null });
    expect((await stat(`${path}-wal`)).size).toBeLessThan(100_000);
    clock.advance(3_600_000);
    await store.sweep(100);
    expect(await store.bodyChunk(job.id, CHUNKS - 1)).toEqual(CHUNK);
  });

  it('that goes on is kept, however long it takes', async () => {
    const job = newJob(clock, { request: { chunks: 3, size: 3 }, expiresAt: clock.now() + 36_000_000 });
    for (let index = 0; index < 3; index++) {
      await store.putBodyChunk(job.id, index, bytes(index));
      clock.advance(3_599_999);
      await store.sweep(100);
    }
    await store.create({ job, credential: null, body: null, idempotency: null });
    expect(await store.bodyChunk(job.id, 0)).toEqual(bytes(0));
  });

  it('that rested for an hour makes no job: its beginning may be gone', async () => {
    const job = newJob(clock, { request: { chunks: 2, size: 2 } });
    await store.putBodyChunk(job.id, 0, bytes(0));
    clock.advance(3_600_000);
    await store.putBodyChunk(job.id, 1, bytes(1));
    await expect(store.create({ job, credential: null, body: null, idempotency: null })).rejects.toThrow(/too slowly/);
    expect(await store.get(job.id)).toBeNull();
    await store.sweep(100);
    await allErased();
  });
});

it('nothing of a deleted job is left in any file after the next sweep', async () => {
  const marks = ['the body of one', 'the result of one', 'the credential of one', 'the profile of one'];
  const [body, result, credential, profile] = marks.map((mark) => Buffer.from(mark.repeat(400)));
  if (profile === undefined || result === undefined) throw new Error('too few marks');
  const job = newJob(clock, { profile, request: { chunks: 1, size: 1 } });
  await store.create({ job, credential: credential ?? null, body: body ?? null, idempotency: null });
  await store.claim(job.id, 5_000);
  const last = { eventsBefore: 0, bytes: Buffer.concat([CHUNK, result]) };
  await store.settle(job.id, 1, failed(resultOf(1)), last);
  const found = async () => {
    const files = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name))));
    return marks.filter((mark) => files.some((file) => file.includes(mark)));
  };
  expect(await found()).toEqual(marks);
  await store.remove(job.id);
  await store.sweep(100);
  await vi.waitFor(async () => expect(await found()).toEqual([]));
});
