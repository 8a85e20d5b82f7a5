import type { JobsContext } from './context.ts';
import { endOverdue, isEnded, type Job } from './job.ts';

/** What a delivery may take beyond the attempt's own budget. */
const DELIVERY_MARGIN_MS = 10_000;
/** A job that is due, or whose lease has run out, for this long has lost its message. */
export const STRANDED_MS = 60_000;

/** Queues the job. The version tells the sendings of one job apart. */
export function sendJob({ queue }: Pick<JobsContext, 'queue'>, job: Job & { dueAt?: number }): Promise<void> {
  return queue.send({
    jobId: job.id,
    service: job.service,
    sequence: String(job.version),
    dueAt: job.dueAt ?? 0,
    timeoutMs: job.timeoutMs + DELIVERY_MARGIN_MS,
  });
}

/** The job after what its reader finds overdue: ended where its time is over, sent again where its message is lost. */
export async function repair(context: JobsContext, job: Job): Promise<Job> {
  const now = context.clock.now();
  if (isEnded(job)) return job;
  if (endOverdue(job, now) !== null) return (await context.store.endOverdue(job.id)) ?? job;
  if (now - (job.status === 'queued' ? job.dueAt : job.leaseUntil) >= STRANDED_MS) await sendJob(context, job);
  return job;
}

/** Jobs that one look at the store brings into memory. */
const PAGE = 500;

/** Finds the jobs that nobody reads and repairs them; removes what has expired. Resolves to what it has done. */
export async function sweep(context: JobsContext, graceMs = STRANDED_MS) {
  const dueBefore = context.clock.now() - graceMs;
  const repaired = await eachPage(async () => {
    const stranded = await context.store.stranded(dueBefore, PAGE);
    for (const job of stranded) {
      if (endOverdue(job, context.clock.now()) === null) await sendJob(context, job);
      else await context.store.endOverdue(job.id);
    }
    return stranded.length;
  });
  return { repaired, removed: await eachPage(() => context.store.sweep(PAGE)) };
}

async function eachPage(page: () => Promise<number>): Promise<number> {
  for (let total = 0; ; ) {
    const count = await page();
    total += count;
    if (count < PAGE) return total;
  }
}
