import { readToken } from '../secrets.ts';
import type { JobsContext } from './context.ts';
import { isEnded, type Job } from './job.ts';
import { jobResponse } from './poll.ts';

/** 202 for a job that goes on, 200 for one that has ended meanwhile; either way with the token that opens it for reading. */
export async function acceptedResponse(
  context: JobsContext,
  job: Job,
  baseUrl: string,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const token = await readToken(context.secrets, job.id);
  const all = { location: `/api/jobs/${job.id}`, 'x-job-id': job.id, 'x-processing-mode': 'job', ...headers };
  return jobResponse(context, job, baseUrl, isEnded(job) ? 200 : 202, all, { read_token: token });
}
