/**
 * A job and its legal transitions, without I/O. Times are unix milliseconds; the HTTP view turns them into seconds.
 *
 *   queued ─▶ in_progress ─▶ completed | failed | cancelled
 *     ▲  │         │ retry, release, lost lease
 *     │  └─────────┘
 *   queued ─▶ cancelled | expired        failed | cancelled | expired ─▶ queued (asked for by the caller)
 *
 * `attempts` counts claims and is the fencing token: what an attempt writes is refused once a later one has begun.
 */
import type { JsonObject } from '../json.ts';

export type JobStatus = Job['status'];

/** Bytes kept in the store as numbered, sealed chunks. */
export interface Blob {
  readonly chunks: number;
  /** Plain bytes, before sealing. */
  readonly size: number;
}

/** What an attempt has stored of the provider's answer so far. */
export interface Progress extends Blob {
  readonly attempt: number;
  /** Server-sent events in it, or `null` when the answer is no event stream. */
  readonly events: number | null;
}

/** A provider's answer, whole in the store. */
export interface Result extends Progress {
  readonly status: number;
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
}

export interface JobError {
  readonly message: string;
  readonly type: string;
  readonly code: string;
  readonly upstreamStatus: number | null;
}

/** How a whole answer is cut into events: kept with the job, so that the number of an event means the same tomorrow. */
export interface Cut {
  /** Of the rules: `REPLAY_VERSION`. */
  readonly version: number;
  /** `CHUNK_TARGET_LENGTH` when the job was made. */
  readonly length: number;
}

/** One call of a webhook. */
export interface WebhookDelivery {
  /** Unix ms. */
  readonly at: number;
  readonly durationMs: number;
  /** The receiver's status; `null` where it did not answer. */
  readonly status: number | null;
  /** Why it did not. */
  readonly error: string | null;
}

/** How far the telling of a job's end has come. */
export interface Webhook {
  readonly status: 'pending' | 'delivered' | 'gone' | 'failed';
  /** Deliveries begun; the fencing token of the one that is under way. */
  readonly attempts: number;
  /** The latest of them that has come to something. */
  readonly settled: number;
  readonly deliveries: readonly WebhookDelivery[];
}

interface JobFacts {
  readonly id: string;
  /** Keyed hash of the credential that made the job. */
  readonly owner: string;
  readonly service: string;
  readonly method: string;
  readonly model: string | null;
  readonly createdAt: number;
  /** When the record goes, or, for a job still queued then, when it expires. */
  readonly expiresAt: number;
  /** How long the record stays after the end. */
  readonly ttlMs: number;
  /** Budget of one attempt. */
  readonly timeoutMs: number;
  /** Failed attempts that are followed by another one. */
  readonly retries: number;
  readonly cut: Cut;
  /** Whether its end is told to a webhook of the caller's. */
  readonly hasWebhook: boolean;
  /** Made for a caller who waits: tried again as calls in place are, so soon, and never where it may have been paid for. */
  readonly inPlace: boolean;
  /** When the job is to be cancelled unless it has ended. */
  readonly cancelAt: number | null;
  readonly attempts: number;
  /** Attempts that ended in a retryable failure. */
  readonly failures: number;
  /** Attempts that were lost with their worker: these are made up for, not counted against `retries`. */
  readonly losses: number;
  /** Times that the queue has given up a message of the job that should have run it. */
  readonly giveUps: number;
  /** Rises with every change: what a watcher compares. */
  readonly version: number;
  /** From 1, one more each time that the caller has the job run again: tells the messages of one run from another's. */
  readonly generation: number;
  /** Sealed: what only the owner may read (path, metadata). */
  readonly profile: Uint8Array;
  readonly request: Blob;
  readonly startedAt: number | null;
  readonly progress: Progress | null;
}

export interface QueuedJob extends JobFacts {
  readonly status: 'queued';
  readonly dueAt: number;
}

export interface RunningJob extends JobFacts {
  readonly status: 'in_progress';
  readonly startedAt: number;
  readonly leaseUntil: number;
  readonly cancelRequestedAt: number | null;
}

interface EndedFacts extends JobFacts {
  readonly completedAt: number;
  /** `null` where nobody is to be told. */
  readonly webhook: Webhook | null;
  /** When the webhook is to be called next, or is given up by the worker that calls it; `null` where there is nothing to do. */
  readonly webhookAt: number | null;
}

export interface CompletedJob extends EndedFacts {
  readonly status: 'completed';
  readonly result: Result;
  readonly usage: JsonObject | null;
}

export interface FailedJob extends EndedFacts {
  readonly status: 'failed';
  readonly error: JobError;
  readonly result: Result | null;
}

export interface CancelledJob extends EndedFacts {
  readonly status: 'cancelled';
  readonly cancelRequestedAt: number;
}

export interface ExpiredJob extends EndedFacts {
  readonly status: 'expired';
}

export type EndedJob = CompletedJob | FailedJob | CancelledJob | ExpiredJob;
export type Job = QueuedJob | RunningJob | EndedJob;

/** Attempts lost with their worker before the job is given up: a call that kills its worker must not do so for ever. */
export const MAX_LOSSES = 20;

export type Outcome =
  | { readonly kind: 'completed'; readonly result: Result; readonly usage: JsonObject | null }
  | { readonly kind: 'failed'; readonly error: JobError; readonly result: Result | null }
  | { readonly kind: 'cancelled' }
  /** The attempt failed and another one follows. */
  | { readonly kind: 'retry'; readonly dueAt: number }
  /** The worker goes away before the end; the attempt counts neither as failed nor as lost. */
  | { readonly kind: 'released' };

export function isEnded(job: Job): job is EndedJob {
  return job.status !== 'queued' && job.status !== 'in_progress';
}

/** Everything of a job but what its status adds. */
function facts(job: Job): JobFacts {
  const { id, owner, service, method, model, createdAt, expiresAt, ttlMs, timeoutMs, retries, inPlace, cancelAt } = job;
  const { cut, hasWebhook, attempts, failures, losses, giveUps, version } = job;
  const { generation, profile, request, startedAt, progress } = job;
  return {
    ...{ id, owner, service, method, model, createdAt, expiresAt, ttlMs, timeoutMs, retries, inPlace, cancelAt },
    ...{
      cut,
      hasWebhook,
      attempts,
      failures,
      losses,
      giveUps,
      version: version + 1,
      generation,
      profile,
      request,
      startedAt,
      progress,
    },
  };
}

function ending(job: Job, now: number) {
  const webhook: Webhook | null = job.hasWebhook
    ? { status: 'pending', attempts: 0, settled: 0, deliveries: [] }
    : null;
  const told = { webhook, webhookAt: webhook === null ? null : now };
  return { ...facts(job), completedAt: now, expiresAt: now + job.ttlMs, progress: null, ...told };
}

export type Claim =
  | { readonly kind: 'claimed'; readonly job: RunningJob }
  /** Another worker holds the lease until then. */
  | { readonly kind: 'held'; readonly until: number }
  /** Delivered before its time. */
  | { readonly kind: 'early'; readonly dueAt: number }
  | { readonly kind: 'ended'; readonly job: EndedJob }
  /** Asked for by a message of an earlier generation: nothing is to be done for it. */
  | { readonly kind: 'superseded' };

/** What a message was sent for; members that it does not name are `null`. */
export interface Sending {
  readonly generation: number | null;
  /** The job's version then. */
  readonly version: number | null;
}

export const UNNAMED: Sending = { generation: null, version: null };

/**
 * Whether a message of `generation` was sent before the job was queued anew, and so has no say any more. One that does
 * not name its generation (`null`) counts as of now: so were those of the version before.
 */
export function isSuperseded(job: Job, { generation }: Sending): boolean {
  return generation !== null && generation < job.generation;
}

/**
 * Gives the job to a worker for `leaseMs`, or says why not; a job whose time is over ends here.
 * @param sending what the message was sent for that brought the worker here
 */
export function claim(job: Job, now: number, leaseMs: number, sending: Sending = UNNAMED): Claim {
  if (isSuperseded(job, sending)) return { kind: 'superseded' };
  if (isEnded(job)) return { kind: 'ended', job };
  if (job.status === 'in_progress' && job.leaseUntil > now) return { kind: 'held', until: job.leaseUntil };
  const overdue = endOverdue(job, now);
  if (overdue !== null) return { kind: 'ended', job: overdue };
  if (job.status === 'queued' && job.dueAt > now) {
    // What comes too early and was sent for an earlier attempt need not come again: the next one has its own message.
    const isOld = sending.version !== null && sending.version !== job.version;
    return isOld ? { kind: 'superseded' } : { kind: 'early', dueAt: job.dueAt };
  }
  const running: RunningJob = {
    ...facts(job),
    status: 'in_progress',
    attempts: job.attempts + 1,
    losses: job.losses + (job.status === 'in_progress' ? 1 : 0),
    startedAt: job.startedAt ?? now,
    leaseUntil: now + leaseMs,
    cancelRequestedAt: null,
    progress: null,
  };
  return { kind: 'claimed', job: running };
}

/** The end of a job that no worker holds and whose time is over, or `null` while it may go on. */
export function endOverdue(job: Job, now: number): EndedJob | null {
  if (isEnded(job)) return null;
  if (job.status === 'in_progress') {
    if (job.leaseUntil > now) return null;
    if (job.cancelRequestedAt !== null || isPast(job.cancelAt, now)) return cancelled(job, now);
    if (job.losses >= MAX_LOSSES) return failed(job, now, WORKERS_LOST, null);
    return null;
  }
  if (isPast(job.cancelAt, now)) return cancelled(job, now);
  if (job.expiresAt <= now) return { ...ending(job, now), status: 'expired' };
  return null;
}

const WORKERS_LOST: JobError = {
  message: 'Every worker that ran this job was lost before the end.',
  type: 'UNAVAILABLE',
  code: 'workers_lost',
  upstreamStatus: null,
};

function isPast(time: number | null, now: number): boolean {
  return time !== null && time <= now;
}

function failed(job: Job, now: number, error: JobError, result: Result | null): FailedJob {
  return { ...ending(job, now), status: 'failed', error, result };
}

function cancelled(job: QueuedJob | RunningJob, now: number): CancelledJob {
  const requestedAt = job.status === 'in_progress' ? (job.cancelRequestedAt ?? now) : now;
  return { ...ending(job, now), status: 'cancelled', cancelRequestedAt: requestedAt };
}

/** Whether `attempt` still holds the job: its writes count only then. */
export function holds(job: Job, attempt: number): job is RunningJob {
  return job.status === 'in_progress' && job.attempts === attempt;
}

/** The job after an attempt's end. A cancellation that was asked for wins over everything but a completion. */
export function settle(job: RunningJob, outcome: Outcome, now: number): QueuedJob | EndedJob {
  if (outcome.kind === 'completed') {
    const { result, usage } = outcome;
    return { ...ending(job, now), status: 'completed', result, usage, progress: progressOf(result) };
  }
  if (outcome.kind === 'cancelled' || job.cancelRequestedAt !== null) return cancelled(job, now);
  switch (outcome.kind) {
    case 'failed':
      // Readers of a stream have seen its beginning: that stays readable, the error comes after it.
      return {
        ...failed(job, now, outcome.error, outcome.result),
        progress: outcome.result === null ? streamed(job) : progressOf(outcome.result),
      };
    case 'retry':
      return { ...facts(job), status: 'queued', dueAt: outcome.dueAt, failures: job.failures + 1, progress: null };
    case 'released':
      return { ...facts(job), status: 'queued', dueAt: now, progress: null };
  }
}

function progressOf({ chunks, size, attempt, events }: Result): Progress {
  return { chunks, size, attempt, events };
}

function streamed(job: Job): Progress | null {
  return job.progress !== null && job.progress.events !== null ? job.progress : null;
}

/** Whether the attempt that runs should be broken off: its caller wants that, or its `cancelAt` has come. */
export function isToBeCancelled(job: Job, now: number): boolean {
  return job.status === 'in_progress' && (job.cancelRequestedAt !== null || isPast(job.cancelAt, now));
}

/** Asks for the end: at once while queued, by a mark that the worker finds while it runs; an ended job stays as it is. */
export function cancel(job: Job, now: number): Job {
  if (isEnded(job)) return job;
  if (job.status === 'queued') return cancelled(job, now);
  if (job.cancelRequestedAt !== null) return job;
  return { ...job, version: job.version + 1, cancelRequestedAt: now };
}

/** An ended job that may run again, queued anew; `null` where that is not to be. */
export function requeue(job: Job, now: number): QueuedJob | null {
  if (!isEnded(job) || job.status === 'completed') return null;
  const cleared = { failures: 0, losses: 0, giveUps: 0, cancelAt: null, startedAt: null, progress: null };
  const generation = job.generation + 1;
  return { ...facts(job), ...cleared, generation, status: 'queued', dueAt: now, expiresAt: now + job.ttlMs };
}

/** Milliseconds until a job is sent again whose message the queue has given up, the first time, the second …; then it fails. */
const GIVEN_UP_WAITS: readonly number[] = [60_000, 300_000];

/**
 * The job after the queue has given up a message of it: sent again a few times, then failed. `null` where that message was
 * not the one that the job waits for: it has ended, a worker has it or has lost it (which is made up for, as often as any),
 * its time has not come, or another message was sent since.
 */
export function abandon(
  job: Job,
  now: number,
  error: JobError,
  sending: Sending = UNNAMED,
): QueuedJob | FailedJob | null {
  if (job.status !== 'queued' || job.dueAt > now || isSuperseded(job, sending)) return null;
  if (sending.version !== null && sending.version !== job.version) return null;
  const wait = GIVEN_UP_WAITS[job.giveUps];
  if (wait === undefined) return failed(job, now, error, null);
  return { ...facts(job), status: 'queued', giveUps: job.giveUps + 1, dueAt: now + wait };
}

/**
 * A job that was queued anew at `version` and that nobody has begun since, as it was `before`; its result went when it was
 * queued. As it is, where somebody has begun it.
 */
export function takeBack(job: Job, version: number, before: EndedJob): Job {
  if (job.status !== 'queued' || job.version !== version) return job;
  const restored = { ...before, version: job.version + 1, progress: null };
  return restored.status === 'failed' ? { ...restored, result: null } : restored;
}
