import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startProcess } from '../harness/child.ts';
import { Caller } from '../harness/client.ts';
import { type FakeUpstream, startUpstream } from '../harness/upstream.ts';

const JOBS = 200;

let dataDir: string;
let upstream: FakeUpstream;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'two-'));
  upstream = await startUpstream(async ({ body }, response) => {
    await wait(10 + Math.random() * 40);
    response.setHeader('content-type', 'application/json').end(body);
  });
});
afterEach(async () => {
  await upstream.stop();
  await rm(dataDir, { recursive: true });
});

it('two processes on one DATA_DIR share the work, and no job is run twice', { timeout: 60_000 }, async () => {
  const env = { DATA_DIR: dataDir, PROXY_CONFIG: upstream.proxyConfig, WORKER_CONCURRENCY: '4', LOG_LEVEL: 'INFO' };
  const started = await Promise.allSettled([startProcess(env), startProcess(env)]);
  const processes = started.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  try {
    expect(started.filter(({ status }) => status === 'rejected')).toEqual([]);
    const callers = processes.map(({ url }) => new Caller(url, { authorization: 'Bearer sk-shared' }));
    const [one, two] = callers;
    if (one === undefined || two === undefined) throw new Error('there are two');
    const submits = Array.from({ length: JOBS }, (_, number) =>
      // The one is given three quarters of the jobs, and may have the other run some of them.
      (number % 4 === 0 ? two : one).submit('/v1/things', { body: { number } }),
    );
    const jobs = await Promise.all(submits);
    const ended = await Promise.all(jobs.map((job, index) => (index % 2 === 0 ? one : two).ended(job.id)));
    expect(new Set(ended.map(({ status, attempts }) => `${status} ${attempts}`))).toEqual(new Set(['completed 1']));
    expect(upstream.received).toHaveLength(JOBS);
    for (const { output } of processes) expect(output()).toContain('attempt ended');
  } finally {
    await Promise.all(processes.map((process) => process.end('SIGTERM')));
  }
});
