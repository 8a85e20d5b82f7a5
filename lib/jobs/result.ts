import { GatewayError, isErrorCode } from '../http/errors.ts';
import { readAnswer } from './chunks.ts';
import type { JobsContext } from './context.ts';
import { isEnded, type Job, type Result } from './job.ts';
import { pollDelay } from './wait.ts';

/**
 * The provider's stored answer of an ended job.
 * @throws GatewayError that says why there is none: not finished, cancelled, expired, or failed without an answer
 */
export function resultOf(job: Job, now: number): Result {
  const named = { 'x-job-id': job.id };
  if (!isEnded(job)) {
    throw new GatewayError('job_not_finished', { headers: { ...named, 'retry-after': String(pollDelay(job, now)) } });
  }
  if (job.status === 'cancelled') throw new GatewayError('job_cancelled', { headers: named });
  if (job.status === 'expired') throw new GatewayError('job_expired', { headers: named });
  if (job.status === 'completed') return job.result;
  if (job.result !== null) return job.result;
  const { code, message } = job.error;
  const headers = { ...named, 'x-should-retry': 'false' };
  if (isErrorCode(code)) throw new GatewayError(code, { message, headers });
  // Told by the queue or the store, not by a call: it never came to one, or its workers were lost.
  throw new GatewayError('unavailable', { message, headers, extra: { code } });
}

/**
 * The answer as the provider gave it: status, type and bytes, read from the store as the reader takes them.
 * @throws GatewayError `job_not_found` where the job has just gone; once the head is out, the body breaks off instead
 */
export async function resultResponse(context: JobsContext, job: Job, result: Result): Promise<Response> {
  const headers = new Headers({
    'x-job-id': job.id,
    // What is deleted is gone at once, also from the caches on the way.
    'cache-control': 'no-store',
    // What a provider sends is shown on the gateway's own origin, where the page lives: it must not run there.
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
  });
  if (result.contentType !== null) headers.set('content-type', result.contentType);
  if (result.contentEncoding !== null) headers.set('content-encoding', result.contentEncoding);
  if (isNullBody(result.status)) return new Response(null, { status: result.status, headers });
  headers.set('content-length', String(result.size));
  const bytes = readAnswer(context, job.id, result);
  return new Response(bodyOf(await bytes.next(), bytes), { status: result.status, headers });
}

/** A rejection breaks the body off: closed, it would fall short of its content-length and upset the connection. */
function bodyOf(first: IteratorResult<Uint8Array>, rest: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  let waiting: IteratorResult<Uint8Array> | null = first;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = waiting ?? (await rest.next());
        waiting = null;
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await rest.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

function isNullBody(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}
