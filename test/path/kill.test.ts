import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type GatewayProcess, startProcess } from '../harness/child.ts';
import { type FakeUpstream, startUpstream } from '../harness/upstream.ts';

const JOBS = 300;
const KILLS = 8;
const CONCURRENCY = 16;
const SUBMITTERS = 10;

let dataDir: string;
let upstream: FakeUpstream;
const running = new Set<GatewayProcess>();

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'kill-'));
  upstream = await startUpstream(async ({ body }, response) => {
    await wait(20 + Math.random() * 80);
    const { prompt } = JSON.parse(body.toString());
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ answer: `to ${prompt}` }));
  });
});
afterEach(async () => {
  for (const gateway of running) await gateway.end('SIGKILL');
  running.clear();
  await upstream.stop();
  await rm(dataDir, { recursive: true });
});

async function start(): Promise<GatewayProcess> {
  const gateway = await startProcess({
    DATA_DIR: dataDir,
    PROXY_CONFIG: upstream.proxyConfig,
    WORKER_CONCURRENCY: String(CONCURRENCY),
    LOG_LEVEL: 'ERROR',
  });
  running.add(gateway);
  return gateway;
}

it('kill -9 at random moments: every accepted job is completed, once', { timeout: 180_000 }, async () => {
  let gateway = await start();
  const accepted = new Map<number, string>();

  /** Submits until it is accepted; a submission whose answer the kill has swallowed is repeated under the same key. */
  const submit = async (number: number): Promise<void> => {
    while (!accepted.has(number)) {
      try {
        const response = await fetch(`${gateway.url}/gateway/local/v1/things`, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            authorization: 'Bearer sk-test',
            prefer: 'respond-async',
            'idempotency-key': `thing-${number}`,
          },
          body: JSON.stringify({ prompt: number }),
        });
        const job = await response.json();
        if (response.status === 202 || response.status === 200) accepted.set(number, job.id);
      } catch {
        // The gateway is down: the next one is coming.
        await wait(20);
      }
    }
  };
  let next = 0;
  const submitting = Array.from({ length: SUBMITTERS }, async () => {
    while (next < JOBS) {
      const number = next;
      next += 1;
      await submit(number);
      await wait(Math.random() * 100);
    }
  });

  for (let kill = 0; kill < KILLS; kill++) {
    await wait(100 + Math.random() * 500);
    await gateway.end('SIGKILL');
    running.delete(gateway);
    gateway = await start();
  }
  await Promise.all(submitting);

  expect(accepted.size).toBe(JOBS);
  expect(new Set(accepted.values()).size).toBe(JOBS);
  const store = new DatabaseSync(join(dataDir, 'jobs.db'), { readOnly: true });
  const byStatus = () => store.prepare('SELECT status, count(*) AS n FROM job GROUP BY status').all();
  await vi.waitFor(() => expect(byStatus()).toEqual([{ status: 'completed', n: JOBS }]), {
    timeout: 90_000,
    interval: 100,
  });
  store.close();

  for (const [number, id] of accepted) {
    const result = await fetch(`${gateway.url}/api/jobs/${id}/result`, {
      headers: { authorization: 'Bearer sk-test' },
    });
    expect(await result.json()).toEqual({ answer: `to ${number}` });
  }
  expect(upstream.received.length).toBeGreaterThanOrEqual(JOBS);
  expect(upstream.received.length).toBeLessThanOrEqual(JOBS + KILLS * CONCURRENCY);
});

it('SIGTERM: what does not end in the grace is given back and run by the next process', {
  timeout: 60_000,
}, async () => {
  let slow = true;
  await upstream.stop();
  upstream = await startUpstream(async (_request, response) => {
    if (slow) return;
    response.setHeader('content-type', 'application/json').end('{"done":true}');
  });
  const env = { DATA_DIR: dataDir, PROXY_CONFIG: upstream.proxyConfig, SHUTDOWN_GRACE: '200' };
  const first = await startProcess(env);
  running.add(first);
  const submitted = await fetch(`${first.url}/gateway/local/v1/things`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'respond-async' },
    body: '{}',
  });
  const { id } = await submitted.json();
  await vi.waitFor(() => expect(upstream.received).toHaveLength(1), { timeout: 5_000 });
  await first.end('SIGTERM');
  slow = false;

  const second = await startProcess(env);
  running.add(second);
  const job = await (await fetch(`${second.url}/api/jobs/${id}?wait=20`)).json();
  expect(job).toMatchObject({ status: 'completed', attempts: 2 });
});

it('SIGTERM: a call that is being answered gets its answer', { timeout: 30_000 }, async () => {
  let begun: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    begun = resolve;
  });
  await upstream.stop();
  upstream = await startUpstream(async (_request, response) => {
    begun();
    await wait(1_500);
    response.setHeader('content-type', 'application/json').end('{"late":true}');
  });
  const gateway = await startProcess({ DATA_DIR: dataDir, PROXY_CONFIG: upstream.proxyConfig });
  running.add(gateway);
  const call = fetch(`${gateway.url}/gateway/local/v1/things`, { method: 'POST', body: 'x' });
  await asked;
  const ended = gateway.end('SIGTERM');
  expect(await (await call).json()).toEqual({ late: true });
  await ended;
});
