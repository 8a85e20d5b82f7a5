import { GatewayError } from '../http/errors.ts';
import type { JobsContext } from '../jobs/context.ts';
import type { JobError } from '../jobs/job.ts';
import { afterGivenUp } from '../jobs/send.ts';

/**
 * The queue's word that it has given a job's message up. The job is sent again a few times, as what answered may have
 * recovered, and then ends as failed with the reason; one that runs is looked at when its lease is out.
 */
export async function giveUp(context: JobsContext, request: Request): Promise<Response> {
  const { queue, store, log } = context;
  const received = await queue.receive(request);
  if (received.kind === 'unauthorized') throw new GatewayError('delivery_unauthorized');
  if (received.kind !== 'given_up') return Response.json({ status: 'undeliverable' }, { status: 489 });
  const { jobId, sending, status } = received;
  const abandoned = await store.abandon(jobId, notDelivered(status), sending);
  const job = abandoned?.job.status ?? 'gone';
  log.error('the queue has given a message up', { job: jobId, ...sending, answered: status, status: job });
  if (abandoned !== null) await afterGivenUp(context, abandoned, sending);
  return Response.json({ status: job });
}

function notDelivered(status: number | null): JobError {
  const reason = status === null || status === 0 ? 'it did not answer' : `its last delivery was answered ${status}`;
  return {
    message: `The queue could not deliver this job to a worker: ${reason}.`,
    type: 'UNAVAILABLE',
    code: 'delivery_failed',
    upstreamStatus: null,
  };
}
