import { GatewayError } from '../http/errors.ts';
import type { WorkerContext } from './context.ts';

/** The queue's word that it has given a job's message up: the job ends as failed, unless it has ended or is being run. */
export async function giveUp({ queue, store, log }: WorkerContext, request: Request): Promise<Response> {
  const received = await queue.receive(request);
  if (received.kind === 'unauthorized') throw new GatewayError('delivery_unauthorized');
  if (received.kind === 'malformed') return Response.json({ status: 'undeliverable' }, { status: 489 });
  const job = await store.abandon(received.jobId, {
    message: 'The queue could not deliver this job to a worker.',
    type: 'UNAVAILABLE',
    code: 'delivery_failed',
    upstreamStatus: null,
  });
  log.error('the queue has given a job up', { job: received.jobId, status: job?.status });
  return Response.json({ status: job?.status ?? 'gone' });
}
