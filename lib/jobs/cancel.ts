import { GatewayError } from '../http/errors.ts';
import type { JobsContext } from './context.ts';
import { isEnded, type Job } from './job.ts';
import { ended } from './send.ts';
import { tidy } from './unavailable.ts';

/** Ends a queued job at once and asks a running one's worker to stop; an ended job stays as it is. */
export async function cancelJob(context: JobsContext, id: string): Promise<Job> {
  const job = await context.store.cancel(id);
  if (job === null) throw new GatewayError('job_not_found');
  // A delivery that still comes finds the job ended.
  if (isEnded(job)) await tidy(context, id, () => context.queue.cancel(id, job.generation));
  return ended(context, job);
}
