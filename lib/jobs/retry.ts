import type { Caller } from '../http/auth.ts';
import { GatewayError } from '../http/errors.ts';
import { forwardedHeaders } from '../upstream/headers.ts';
import type { JobsContext } from './context.ts';
import { isEnded, type Job } from './job.ts';
import { sendJob } from './send.ts';
import { sealCallerCredential } from './submit.ts';
import { unavailable } from './unavailable.ts';

/** Runs a failed, expired or cancelled job again, paid for by the credential that this request brings. */
export async function retryJob(context: JobsContext, job: Job, caller: Caller, headers: Headers): Promise<Job> {
  const sent = forwardedHeaders(headers, { name: job.service });
  const credential = await sealCallerCredential(context, job.id, caller.credential, sent);
  const requeued = await context.store.requeue(job.id, credential).catch((error) => {
    throw unavailable(error);
  });
  if (requeued.kind === 'gone') throw new GatewayError('job_not_found');
  if (requeued.kind === 'refused') throw new GatewayError('job_not_retryable');
  try {
    await sendJob(context, requeued.job);
    return requeued.job;
  } catch (error) {
    const { id, version } = requeued.job;
    // As it was for the caller: a job that can be run again. What a worker has begun is accepted, as with a new job.
    const current = await context.store.takeBack(id, version).catch(() => requeued.job);
    if (current === null || isEnded(current)) throw unavailable(error);
    context.log.warn('a job was accepted without a message', { job: id, error });
    return current;
  }
}
