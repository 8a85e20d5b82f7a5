import type {
  CancelledJob,
  CompletedJob,
  ExpiredJob,
  FailedJob,
  JobError,
  JobStatus,
  QueuedJob,
  Result,
  RunningJob,
} from '../../lib/jobs/job.ts';

/** A job of each status, made at 1,000,000 ms with an hour to live; for tests of what is pure. */
export const AT = 1_000_000;
export const TTL = 3_600_000;

export const result: Result = {
  chunks: 1,
  size: 10,
  attempt: 1,
  events: null,
  status: 200,
  contentType: 'application/json',
  contentEncoding: null,
};

export const failure: JobError = { message: 'no', type: 'NETWORK', code: 'upstream_reset', upstreamStatus: null };

const facts = {
  id: 'job_000000000000000000000000',
  owner: 'owner',
  service: 'local',
  method: 'POST',
  model: 'm',
  createdAt: AT,
  expiresAt: AT + TTL,
  ttlMs: TTL,
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
  profile: new Uint8Array(),
  request: { chunks: 1, size: 5 },
  startedAt: null,
  progress: null,
};

export const queued: QueuedJob = { ...facts, status: 'queued', dueAt: AT };

export const running: RunningJob = {
  ...facts,
  status: 'in_progress',
  attempts: 1,
  startedAt: AT,
  leaseUntil: AT + 5_000,
  cancelRequestedAt: null,
};

const over = { completedAt: AT + 100, expiresAt: AT + 100 + TTL, webhook: null, webhookAt: null };
const ended = { ...facts, attempts: 1, startedAt: AT, ...over };

export const completed: CompletedJob = { ...ended, status: 'completed', result, usage: null, progress: result };
export const failed: FailedJob = { ...ended, status: 'failed', error: failure, result: null };
export const cancelled: CancelledJob = { ...ended, status: 'cancelled', cancelRequestedAt: AT + 50 };
export const expired: ExpiredJob = { ...ended, status: 'expired' };

export const byStatus = {
  queued,
  in_progress: running,
  completed,
  failed,
  cancelled,
  expired,
} satisfies Record<JobStatus, unknown>;
