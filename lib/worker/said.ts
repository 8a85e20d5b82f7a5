import { isEnded, type Job } from '../jobs/job.ts';
import { sendJob } from '../jobs/send.ts';
import type { WorkerContext } from './context.ts';

/** Ends the message. */
export function done(status: string): Response {
  return Response.json({ status });
}

/** Brings the message back. */
export function later(ms: number): Response {
  const wait = Math.max(0, ms);
  const headers = { 'retry-after': String(Math.ceil(wait / 1000)), 'retry-after-ms': String(Math.ceil(wait)) };
  return Response.json({ status: 'later' }, { status: 503, headers });
}

/**
 * What comes next, another attempt or the telling of the end, has a message of its own: a queue gives up each after some
 * deliveries, far fewer than a job may have attempts. This one ends, unless the other could not be sent.
 */
export async function sendOn(context: WorkerContext, job: Job): Promise<Response> {
  const dueAt = isEnded(job) ? job.webhookAt : job.status === 'queued' ? job.dueAt : null;
  if (dueAt === null) return done(job.status);
  try {
    await sendJob(context, job);
    return done(job.status);
  } catch (error) {
    context.log.warn('what comes next could not be queued', { job: job.id, error });
    return later(dueAt - context.clock.now());
  }
}
