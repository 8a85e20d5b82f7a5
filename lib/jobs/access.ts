import type { Identifier } from '../http/auth.ts';
import { GatewayError } from '../http/errors.ts';
import { isReadToken } from '../secrets.ts';
import type { JobsContext } from './context.ts';
import type { Job } from './job.ts';
import { repair } from './send.ts';

const ID = /^job_[\w-]{20,64}$/;

/**
 * The job that a request names, for the caller who made it; for a reading request also with the job's `read_token`.
 * @throws GatewayError `job_not_found`, in the same words whether the job is another's or was never there
 */
export async function findJob(
  context: JobsContext,
  identifier: Identifier,
  request: Request,
  id: string,
  access: 'read' | 'write',
): Promise<Job> {
  if (!ID.test(id)) throw new GatewayError('job_not_found');
  const url = new URL(request.url);
  const token = access === 'read' ? url.searchParams.get('token') : null;
  const permitted = token === null ? null : await isReadToken(context.secrets, id, token);
  if (permitted === false) throw new GatewayError('job_not_found');
  const caller = permitted === null ? await identifier.identify(request, url) : null;
  const job = await context.store.get(id);
  if (job === null || (caller !== null && !(await caller.owners()).includes(job.owner))) {
    throw new GatewayError('job_not_found');
  }
  return repair(context, job);
}
