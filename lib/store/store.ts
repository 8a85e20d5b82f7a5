import type {
  Claim,
  EndedJob,
  Job,
  JobError,
  JobStatus,
  Outcome,
  Progress,
  QueuedJob,
  RunningJob,
  Sending,
  WebhookDelivery,
} from '../jobs/job.ts';
import type { WebhookAttempt, WebhookClaim, WebhookOutcome } from '../jobs/webhook.ts';

/** Names a request for `Idempotency-Key`: both are keyed hashes, so the store learns neither key nor body. */
export interface NamedRequest {
  /** Of the caller and the key. */
  readonly key: string;
  /** Of the request; the same key with another fingerprint is a conflict. */
  readonly fingerprint: string;
}

/** The name that a new job is kept under, and those that an earlier one of the same key may have: see `GATEWAY_SECRET`. */
export interface Idempotency extends NamedRequest {
  readonly earlier: readonly NamedRequest[];
}

export interface NewJob {
  readonly job: QueuedJob;
  /** Sealed credential of the caller's; erased when the job ends. */
  readonly credential: Uint8Array | null;
  /** The sealed body where it is one chunk; a longer one was put before, chunk by chunk. */
  readonly body: Uint8Array | null;
  readonly idempotency: Idempotency | null;
  /** None, where left out. */
  readonly limits?: WaitingLimits;
}

/** How many jobs may wait to be run, in all and of one caller, the new one included. */
export interface WaitingLimits {
  readonly all: number;
  readonly caller: number;
}

export const UNLIMITED: WaitingLimits = { all: Number.MAX_SAFE_INTEGER, caller: Number.MAX_SAFE_INTEGER };

export type Created =
  | { readonly kind: 'created'; readonly job: QueuedJob }
  /** The same request has been made under this key: this is its job. */
  | { readonly kind: 'duplicate'; readonly job: Job }
  /** Another request has been made under this key. */
  | { readonly kind: 'conflict'; readonly job: Job }
  /** As many jobs wait as may: nothing was made. */
  | { readonly kind: 'full'; readonly scope: keyof WaitingLimits };

export type Withdrawn =
  | { readonly kind: 'withdrawn' }
  /** Somebody has begun it, or another caller was told of it: it is accepted. */
  | { readonly kind: 'kept'; readonly job: Job };

export type Claimed =
  | {
      readonly kind: 'claimed';
      readonly job: RunningJob;
      readonly credential: Uint8Array | null;
      /** The body where it is one chunk. */
      readonly body: Uint8Array | null;
    }
  | Exclude<Claim, { kind: 'claimed' }>
  | { readonly kind: 'gone' };

export type Renewed = { readonly kind: 'renewed'; readonly cancelRequested: boolean } | { readonly kind: 'fenced' };
export type Appended = { readonly kind: 'appended'; readonly cancelRequested: boolean } | { readonly kind: 'fenced' };
export type Settled = { readonly kind: 'settled'; readonly job: QueuedJob | EndedJob } | { readonly kind: 'fenced' };
export type Requeued =
  | { readonly kind: 'requeued'; readonly job: QueuedJob }
  | { readonly kind: 'refused'; readonly job: Job }
  | { readonly kind: 'gone' };
export type Removed = 'removed' | 'not_ended' | 'gone';

export interface ResultChunk {
  readonly index: number;
  /** Events in the chunks before this one. */
  readonly eventsBefore: number;
  readonly bytes: Uint8Array;
}

export interface ListQuery {
  readonly owners: readonly string[];
  readonly limit: number;
  /** Id of the job that the page begins after. */
  readonly after: string | null;
  readonly status: JobStatus | null;
}

export interface JobPage {
  readonly jobs: readonly Job[];
  readonly hasMore: boolean;
}

/**
 * Where jobs live. Each operation is atomic and, where it changes something, durable when it resolves. A job whose
 * record has expired is treated as gone everywhere. Outcomes that are expected are values; a rejection means that the
 * store could not be asked.
 */
export interface Store {
  /** Keeps chunk `index` of a body whose job does not exist yet. Chunks without a job are swept after an hour. */
  putBodyChunk(id: string, index: number, bytes: Uint8Array): Promise<void>;
  create(newJob: NewJob): Promise<Created>;
  /** Drops the chunks that were put for a job that was not created. */
  dropBody(id: string): Promise<void>;
  /** Jobs that wait to be run. */
  waiting(owner: string): Promise<WaitingLimits>;
  get(id: string): Promise<Job | null>;
  /** Takes back a job that was just created, unless it counts as accepted; one that is created later is none. */
  withdraw(id: string): Promise<Withdrawn>;
  /** Gives a due job to a worker; `sending` is what the message was sent for that asks for it. */
  claim(id: string, leaseMs: number, sending?: Sending): Promise<Claimed>;
  /** Prolongs the lease of `attempt` and says whether the caller wants the job cancelled. */
  renew(id: string, attempt: number, leaseMs: number): Promise<Renewed>;
  /**
   * Adds the chunk numbered `progress.chunks - 1` to the attempt's answer, holding the events after `eventsBefore`; says
   * whether the caller wants the job cancelled, as {@link Store.renew} does.
   */
  append(id: string, progress: Progress, eventsBefore: number, bytes: Uint8Array): Promise<Appended>;
  /** Ends the attempt; `last` is the last chunk of its result, where one is still to be stored. */
  settle(id: string, attempt: number, outcome: Outcome, last: NewChunk | null): Promise<Settled>;
  cancel(id: string): Promise<Job | null>;
  /** Ends the job where its time is over and no worker holds it; the job as it then is. */
  endOverdue(id: string): Promise<Job | null>;
  /** Runs an ended job again, with the credential of the caller who asks. */
  requeue(id: string, credential: Uint8Array | null): Promise<Requeued>;
  /** The queue has given up the message that was sent for `sending`: the job as it is after that, and whether that has changed it. */
  abandon(id: string, error: JobError, sending?: Sending): Promise<{ job: Job; changed: boolean } | null>;
  /** Puts a job that was queued anew at `version` back to what it was `before`, unless somebody has begun it since. */
  takeBack(id: string, version: number, before: EndedJob): Promise<Job | null>;
  /** Gives the next delivery of an ended job's webhook to a worker, for `leaseMs`. */
  claimWebhook(id: string, leaseMs: number): Promise<WebhookClaim>;
  /** Ends a delivery; resolves to the job, `null` where it is gone or that is not its latest delivery. May be asked again. */
  settleWebhook(
    id: string,
    attempt: WebhookAttempt,
    outcome: WebhookOutcome,
    delivery: WebhookDelivery,
  ): Promise<EndedJob | null>;
  bodyChunk(id: string, index: number): Promise<Uint8Array | null>;
  /** Up to `limit` chunks of an attempt's answer, from chunk `from` on. */
  resultChunks(id: string, attempt: number, from: number, limit: number): Promise<ResultChunk[]>;
  /** The chunk in which event number `event` (from 0) lies or will lie. */
  chunkOfEvent(id: string, attempt: number, event: number): Promise<number>;
  /** Newest first. */
  list(query: ListQuery): Promise<JobPage>;
  remove(id: string): Promise<Removed>;
  /**
   * Up to `limit` jobs that somebody should have worked on at `dueBefore` and nobody has since: unfinished ones that were
   * due, or whose lease had run out, and ended ones whose webhook was to be called.
   * None is named again before its time is past once more, so that a long backlog is gone through page by page.
   */
  stranded(dueBefore: number, limit: number): Promise<Job[]>;
  /** Removes what has expired; resolves to how many jobs went. */
  sweep(limit: number): Promise<number>;
  /**
   * The job once it has another version than `version`, `null` once it is gone; `'same'` when `ms` have passed, or on abort,
   * and it has not changed.
   */
  changed(id: string, version: number, ms: number, signal?: AbortSignal): Promise<Job | 'same' | null>;
  /** Jobs by status that are there now, for the status page. */
  counts(): Promise<Record<JobStatus, number>>;
  close(): Promise<void>;
}

export interface NewChunk {
  readonly eventsBefore: number;
  readonly bytes: Uint8Array;
}
