import type { Clock } from '../../lib/clock.ts';
import type { Outcome, QueuedJob, Result } from '../../lib/jobs/job.ts';

/** A clock that stands still until it is moved. */
export interface TestClock extends Clock {
  advance(ms: number): void;
}

export function testClock(start = 1_790_000_000_000): TestClock {
  let time = start;
  return {
    now: () => time,
    advance(ms) {
      time += ms;
    },
  };
}

export function bytes(...values: number[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(values);
}

let made = 0;

export function newJob(clock: Clock, overrides: Partial<QueuedJob> = {}): QueuedJob {
  const now = clock.now();
  made += 1;
  return {
    status: 'queued',
    id: `job_${String(made).padStart(24, '0')}`,
    owner: 'owner-1',
    service: 'demo',
    method: 'POST',
    model: 'demo-echo',
    createdAt: now,
    expiresAt: now + 3_600_000,
    ttlMs: 3_600_000,
    timeoutMs: 60_000,
    retries: 3,
    inPlace: false,
    cut: { version: 1, length: 8 },
    hasWebhook: false,
    cancelAt: null,
    attempts: 0,
    failures: 0,
    losses: 0,
    giveUps: 0,
    version: 1,
    generation: 1,
    profile: bytes(0, 255, 10, 13),
    request: { chunks: 1, size: 3 },
    startedAt: null,
    progress: null,
    dueAt: now,
    ...overrides,
  };
}

export function resultOf(attempt: number, chunks = 1, events: number | null = null): Result {
  return {
    attempt,
    chunks,
    size: 3 * chunks,
    events,
    status: 200,
    contentType: 'application/json',
    contentEncoding: null,
  };
}

export function completed(attempt: number, chunks = 1, events: number | null = null): Outcome {
  return { kind: 'completed', result: resultOf(attempt, chunks, events), usage: { total_tokens: 7 } };
}

export const FAILED: Outcome = {
  kind: 'failed',
  result: null,
  error: { message: 'no', type: 'NETWORK', code: 'upstream_reset', upstreamStatus: null },
};
