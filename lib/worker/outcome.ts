import type { ErrorCode, ErrorType, GatewayError } from '../http/errors.ts';
import type { JobError, Outcome, Result, RunningJob } from '../jobs/job.ts';
import { type Backoff, IN_PLACE, isRetryable, retryDelay, SAFE_METHODS } from '../upstream/retry.ts';

/** Between the tries of a job: seconds at first, a quarter of an hour at most. */
const BACKOFF: Backoff = { baseMs: 2_000, maxMs: 900_000 };
/** The longest time that a provider may ask for between two tries: no header puts a job off for ever. */
const LONGEST_MS = 86_400_000;

const TRANSIENT: readonly ErrorCode[] = ['upstream_dns', 'upstream_connection', 'upstream_reset', 'unavailable'];
const PERHAPS_PAID: readonly ErrorCode[] = ['upstream_reset', 'unavailable'];

export interface Moment {
  readonly now: number;
  /** From [0, 1). */
  readonly random: number;
}

/**
 * When the job is to be tried again after an answer that is no success; `null`: this was the last try. The answer need
 * not be read in the first case.
 */
export function retryAfterAnswer(job: RunningJob, status: number, headers: Headers, { now, random }: Moment) {
  if (!isRetryable({ status, headers }) || job.failures >= job.retries) return null;
  return now + Math.min(LONGEST_MS, retryDelay(headers, job.failures + 1, backoffOf(job), now, random));
}

/** The outcome of an answer that was read to its end. */
export function afterAnswer(result: Result, usage: Extract<Outcome, { kind: 'completed' }>['usage']): Outcome {
  if (result.status >= 200 && result.status < 300) return { kind: 'completed', result, usage };
  return { kind: 'failed', result, error: answerError(result.status) };
}

/**
 * The outcome of a call that came to no answer. What cannot be mended by trying again ends the job; so does a deadline,
 * as the provider may still be at work for a call that will be paid for.
 */
export function afterFault(job: RunningJob, fault: GatewayError, { now, random }: Moment): Outcome {
  if (mayRepeat(job, fault) && job.failures < job.retries) {
    return { kind: 'retry', dueAt: now + retryDelay(null, job.failures + 1, backoffOf(job), now, random) };
  }
  const { message, type, code } = fault;
  return { kind: 'failed', result: null, error: { message, type, code, upstreamStatus: null } };
}

/** What broke off may have been paid for: a call in place is not made again for that, as PROTOCOL.md promises. */
function mayRepeat(job: RunningJob, { code }: GatewayError): boolean {
  if (!TRANSIENT.includes(code)) return false;
  return !job.inPlace || !PERHAPS_PAID.includes(code) || SAFE_METHODS.has(job.method);
}

function backoffOf(job: RunningJob): Backoff {
  return job.inPlace ? IN_PLACE : BACKOFF;
}

function answerError(status: number): JobError {
  const type = TYPE_BY_STATUS[status] ?? (status >= 500 ? 'UNAVAILABLE' : 'INVALID_REQUEST');
  return { message: `The provider answered ${status}.`, type, code: 'upstream_status', upstreamStatus: status };
}

const TYPE_BY_STATUS: Readonly<Record<number, ErrorType>> = {
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  408: 'TIMEOUT',
  409: 'CONFLICT',
  413: 'SIZE_LIMIT',
  429: 'RATE_LIMIT',
  504: 'TIMEOUT',
};
