import { GatewayError } from '../http/errors.ts';
import type { JobsContext } from '../jobs/context.ts';
import { isSuperseded, type JobError } from '../jobs/job.ts';
import { ended, sendAfterLease } from '../jobs/send.ts';

const NOT_DELIVERED: JobError = {
  message: 'The queue could not deliver this job to a worker.',
  type: 'UNAVAILABLE',
  code: 'delivery_failed',
  upstreamStatus: null,
};

/**
 * The queue's word that it has given a job's message up: the job ends as failed, unless it has ended or was queued anew
 * after that message. What a worker has taken is not given up with its message: a few deliveries are soon used up by
 * workers that die, and by the leases that they leave.
 */
export async function giveUp(context: JobsContext, request: Request): Promise<Response> {
  const { queue, store, log } = context;
  const received = await queue.receive(request);
  if (received.kind === 'unauthorized') throw new GatewayError('delivery_unauthorized');
  if (received.kind !== 'delivery') return Response.json({ status: 'undeliverable' }, { status: 489 });
  const { jobId, generation } = received;
  const job = await store.abandon(jobId, NOT_DELIVERED, generation);
  if (job?.status === 'in_progress' && !isSuperseded(job, generation)) await sendAfterLease(context, job);
  else if (job !== null) await ended(context, job);
  log.error('the queue has given a message up', { job: jobId, generation, status: job?.status });
  return Response.json({ status: job?.status ?? 'gone' });
}
