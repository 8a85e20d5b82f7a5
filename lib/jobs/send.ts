import { sleep } from '../clock.ts';
import type { Message } from '../queue/queue.ts';
import type { JobsContext } from './context.ts';
import { endOverdue, isEnded, isSuperseded, type Job, type RunningJob, type Sending } from './job.ts';
import { RecentRepeats } from './recent-repeats.ts';

/** What a delivery may take beyond the attempt's own budget. */
const DELIVERY_MARGIN_MS = 10_000;
/** A job that is due, or whose lease has run out, for this long may have lost its message. */
export const STRANDED_MS = 60_000;
const repeats = new RecentRepeats();
/** Whoever sends a request again may do so because its first try died between the job and its message. */
export const JOINED_MS = 1_000;
/** A little after the lease, so that who comes for the job does not find it held. */
const LEASE_MARGIN_MS = 100;
/** Longest that a reader of a job waits for its message to be sent again. */
const PATIENCE_MS = 2_000;

/** What the queue's limits take a message for that brings no call of a service, but the webhook of a job that has ended. */
const WEBHOOKS = ':webhooks';

/** Queues the job, or the telling of its end. The version tells the sendings of one job apart. */
export function sendJob({ queue }: Pick<JobsContext, 'queue'>, job: Job): Promise<void> {
  return queue.send(messageOf(job, String(job.version)));
}

/**
 * The message of a job whose last one may be lost. Its sequence is new each time that the job has been late for twice as
 * long: so many readers of a job make one message of it, also where the queue drops duplicates for long, and a job that
 * waits for hours because its service is at its limit has a dozen messages, not hundreds.
 */
function repeatOf(job: Job, now: number): Message {
  const doubled = Math.floor(Math.log2(Math.max(1, lateness(job, now) / STRANDED_MS)));
  return messageOf(job, `${job.version}.${doubled}`);
}

function messageOf(job: Job, sequence: string): Message {
  const { id: jobId, generation, version, timeoutMs } = job;
  const service = isEnded(job) ? WEBHOOKS : job.service;
  return {
    jobId,
    service,
    sequence,
    generation,
    version,
    dueAt: dueAt(job),
    timeoutMs: timeoutMs + DELIVERY_MARGIN_MS,
  };
}

/** Unix ms: when somebody should work on the job; 0 for as soon as may be. */
function dueAt(job: Job): number {
  if (isEnded(job)) return job.webhookAt ?? 0;
  return job.status === 'queued' ? job.dueAt : 0;
}

/** Milliseconds since somebody should have run the job. */
function lateness(job: Job, now: number): number {
  if (isEnded(job)) return job.webhookAt === null ? 0 : now - job.webhookAt;
  return now - (job.status === 'queued' ? job.dueAt : job.leaseUntil);
}

/** The job after what its reader finds overdue: ended where its time is over, sent again where its message may be lost. */
export async function repair(context: JobsContext, job: Job, lateMs = STRANDED_MS): Promise<Job> {
  const now = context.clock.now();
  if (endOverdue(job, now) !== null) return ended(context, (await context.store.endOverdue(job.id)) ?? job);
  if (lateness(job, now) >= lateMs) await sendAgain(context, job, now);
  return job;
}

/**
 * Sends what is to come after the queue has given up a message of the job: another try, the telling of the end, or a look
 * at the one that runs, whose worker may be lost, as a few deliveries are soon used up by workers that die.
 */
export async function afterGivenUp(
  context: JobsContext,
  { job, changed }: { job: Job; changed: boolean },
  sending: Sending,
): Promise<void> {
  if (job.status === 'in_progress') {
    if (!isSuperseded(job, sending)) await sendSoon(context, afterLease(job));
  } else if (!changed) return;
  else if (job.status === 'queued') await sendSoon(context, messageOf(job, String(job.version)));
  else await ended(context, job);
}

function afterLease(job: RunningJob): Message {
  return { ...messageOf(job, `${job.version}.${job.leaseUntil}`), dueAt: job.leaseUntil + LEASE_MARGIN_MS };
}

/** Has the end of a job told that did not end at a worker's. What the queue does not take, the sweep sends. */
export async function ended(context: JobsContext, job: Job): Promise<Job> {
  if (isEnded(job) && job.webhookAt !== null) await sendSoon(context, messageOf(job, String(job.version)));
  return job;
}

/** What the queue makes of it is not the reader's concern: the next one to look, or the sweep, tries once more. */
async function sendAgain(context: JobsContext, job: Job, now: number): Promise<void> {
  await sendSoon(context, repeatOf(job, now));
}

async function sendSoon({ queue, log }: JobsContext, message: Message): Promise<void> {
  if (!repeats.isNew(queue, message)) return;
  const sent = new AbortController();
  const sending = queue
    .send(message)
    .catch((error) => {
      repeats.forget(queue, message);
      log.warn('a job could not be sent again', { job: message.jobId, error });
    })
    .finally(() => sent.abort());
  await Promise.race([sending, sleep(PATIENCE_MS, sent.signal)]);
}

/** Jobs that one look at the store brings into memory, each with up to some 60 KB of path and headers. */
const PAGE = 100;

export interface Swept {
  /** Jobs sent again, or ended because their time was over. */
  readonly repaired: number;
  /** Jobs whose record had expired. */
  readonly removed: number;
}

export interface SweepOptions {
  /** How late a job must be to be looked at, in milliseconds. */
  readonly graceMs?: number;
  /** Time after which no further page is begun, in milliseconds; what is left is found by the next sweep. */
  readonly budgetMs?: number;
}

/**
 * Finds the jobs that nobody reads and repairs them; removes what has expired.
 * @throws what the queue or the store said, after the rest has been done that could be
 */
export async function sweep(context: JobsContext, options: SweepOptions = {}): Promise<Swept> {
  const { graceMs = STRANDED_MS, budgetMs = Number.POSITIVE_INFINITY } = options;
  const started = context.clock.now();
  const inTime = () => context.clock.now() - started < budgetMs;
  // What cannot be sent must not keep what has expired.
  const [repaired, removed] = await Promise.allSettled([
    eachPage(() => repairPage(context, started - graceMs, inTime), inTime),
    eachPage(() => context.store.sweep(PAGE), inTime),
  ]);
  if (repaired.status === 'rejected') throw repaired.reason;
  if (removed.status === 'rejected') throw removed.reason;
  return { repaired: repaired.value, removed: removed.value };
}

async function repairPage(context: JobsContext, dueBefore: number, inTime: () => boolean) {
  const { store, queue, clock } = context;
  const stranded = await store.stranded(dueBefore, PAGE);
  const now = clock.now();
  const isOver = (job: Job) => endOverdue(job, now) !== null;
  const lost = stranded.filter((job) => !isOver(job));
  if (lost.length > 0) await queue.sendMany(lost.map((job) => repeatOf(job, now)));
  for (const { id } of stranded.filter(isOver)) {
    if (!inTime()) break;
    const job = await store.endOverdue(id);
    if (job !== null) await ended(context, job);
  }
  return stranded.length;
}

async function eachPage(page: () => Promise<number>, inTime: () => boolean): Promise<number> {
  for (let total = 0; ; ) {
    const count = await page();
    total += count;
    if (count < PAGE || !inTime()) return total;
  }
}
