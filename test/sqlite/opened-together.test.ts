import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from 'vitest';

const THREADS = 4;
const FILES = 150;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'together-'));
});
afterEach(() => rm(directory, { recursive: true }));

it('a new file opened by several at the same moment is made by one, and open to all', { timeout: 60_000 }, async () => {
  // One gate per file, which every thread passes when all have reached it.
  const gates = new Int32Array(new SharedArrayBuffer(4 * FILES));
  const script = new URL('open-at-once.ts', import.meta.url);
  const ends = Array.from({ length: THREADS }, async () => {
    const thread = new Worker(script, { workerData: { gates, threads: THREADS, directory } });
    const failures = new Promise((resolve, reject) => thread.once('message', resolve).once('error', reject));
    const exit = new Promise((resolve) => thread.once('exit', resolve));
    return { failures: await failures, exit: await exit };
  });
  expect(await Promise.all(ends)).toEqual(Array.from({ length: THREADS }, () => ({ failures: [], exit: 0 })));
});
