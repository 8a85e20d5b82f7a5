import type { Caller } from '../http/auth.ts';
import { GatewayError } from '../http/errors.ts';
import type { Requeued } from '../store/store.ts';
import { forwardedHeaders } from '../upstream/headers.ts';
import type { JobsContext } from './context.ts';
import { type EndedJob, isEnded, type Job, type QueuedJob } from './job.ts';
import { sendJob } from './send.ts';
import { refuseTooMany, sealCallerCredential } from './submit.ts';
import { insist, unavailable } from './unavailable.ts';

/**
 * Runs a failed, expired or cancelled job again, paid for by the credential that this request brings.
 * @throws GatewayError `job_not_found`, `job_not_retryable`; `too_many_jobs` as for a new job; `unavailable` where it could
 * not be queued: then it is as it was
 */
export async function retryJob(context: JobsContext, job: Job, caller: Caller, headers: Headers): Promise<Job> {
  if (!isEnded(job) || job.status === 'completed') throw new GatewayError('job_not_retryable');
  await refuseTooMany(context, job.owner);
  const sent = forwardedHeaders(headers, { name: job.service });
  const credential = await sealCallerCredential(context, job.id, caller.credential, sent);
  const requeued = await requeue(context, job, credential);
  if (requeued.kind === 'gone') throw new GatewayError('job_not_found');
  if (requeued.kind === 'refused') throw new GatewayError('job_not_retryable');
  try {
    await sendJob(context, requeued.job);
    return requeued.job;
  } catch (error) {
    return takeBack(context, requeued.job, job, error);
  }
}

async function requeue({ store }: JobsContext, job: EndedJob, credential: Uint8Array | null): Promise<Requeued> {
  try {
    return await store.requeue(job.id, credential);
  } catch (error) {
    // The store may have done it and only its answer been lost.
    const current = await store.get(job.id).catch(() => job);
    if (current?.status !== 'queued' || current.generation !== job.generation + 1) throw unavailable(error);
    return { kind: 'requeued', job: current };
  }
}

/** What a worker has begun is accepted, as with a new job; else the job is as it was, and can be run again. */
async function takeBack(context: JobsContext, queued: QueuedJob, before: EndedJob, error: unknown): Promise<Job> {
  const { id, version, generation } = queued;
  const left = await insist(context, id, () => context.store.takeBack(id, version, before));
  const isAccepted = left === 'unanswered' || (left !== null && left.generation === generation);
  if (!isAccepted) throw unavailable(error);
  // Where the store does not answer: it is queued, and the sweep sends it.
  context.log.warn('a job was accepted without a message', { job: id, error });
  return left === 'unanswered' ? queued : left;
}
