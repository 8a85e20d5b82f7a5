import { GatewayError } from '../http/errors.ts';
import type { JobsContext } from './context.ts';
import { isEnded, type Job } from './job.ts';
import { ended } from './send.ts';
import { tidy } from './unavailable.ts';

/** Ends a queued job at once and asks a running one's worker to stop; an ended job stays as it is. */
export async function cancelJob(context: JobsContext, before: Job): Promise<Job> {
  const { id } = before;
  const job = await context.store.cancel(id);
  if (job === null) throw new GatewayError('job_not_found');
  // It may have a webhook still to be called.
  if (isEnded(before)) return job;
  // A delivery that still comes finds the job ended.
  if (isEnded(job)) await tidy(context, id, () => context.queue.cancel(id, job.generation));
  return ended(context, job);
}
