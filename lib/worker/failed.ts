import { GatewayError } from '../http/errors.ts';
import type { JobError } from '../jobs/job.ts';
import { ended } from '../jobs/send.ts';
import type { WorkerContext } from './context.ts';

const NOT_DELIVERED: JobError = {
  message: 'The queue could not deliver this job to a worker.',
  type: 'UNAVAILABLE',
  code: 'delivery_failed',
  upstreamStatus: null,
};

/**
 * The queue's word that it has given a job's message up: the job ends as failed, unless it has ended, is being run, or
 * was queued anew after that message.
 */
export async function giveUp(context: WorkerContext, request: Request): Promise<Response> {
  const { queue, store, log } = context;
  const received = await queue.receive(request);
  if (received.kind === 'unauthorized') throw new GatewayError('delivery_unauthorized');
  if (received.kind !== 'delivery') return Response.json({ status: 'undeliverable' }, { status: 489 });
  const { jobId, generation } = received;
  const job = await store.abandon(jobId, NOT_DELIVERED, generation);
  if (job !== null) await ended(context, job);
  log.error('the queue has given a message up', { job: jobId, generation, status: job?.status });
  return Response.json({ status: job?.status ?? 'gone' });
}
