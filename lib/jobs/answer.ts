import { collectedResponse } from '../http/collected.ts';
import { GatewayError } from '../http/errors.ts';
import { eventsOf, isEventStream } from '../http/sse.ts';
import { collectAs } from '../replay/collect.ts';
import type { StreamFormat } from '../replay/format.ts';
import { readAnswer } from './chunks.ts';
import type { JobsContext } from './context.ts';
import type { Job, Result } from './job.ts';
import { resultOf, resultResponse } from './result.ts';
import { type StreamOptions, streamResponse } from './stream.ts';

/**
 * The answer in the form that this caller asked for, whichever the job was made with: as a stream, or as the one
 * completion that a stored stream spells.
 */
export async function resultAs(
  context: JobsContext,
  job: Job,
  form: { streaming: boolean } & StreamOptions,
): Promise<Response> {
  const result = resultOf(job, context.clock.now());
  if (!form.streaming) return wholeResult(context, job, result, form.format);
  const isReplayed = isSuccess(result) && form.format !== null && !isEventStream(result.contentType);
  return isReplayed ? streamResponse(context, job, form) : resultResponse(context, job, result);
}

/**
 * The answer as one whole: a stored stream as the completion that it spells, or as the error that it ended in; anything
 * else, also a stream that spells no completion, as it is stored.
 * @throws GatewayError `stream_unsupported` where the stream is too long for that; `upstream_reset` where it was broken off
 */
export async function wholeResult(
  context: JobsContext,
  job: Job,
  result: Result,
  format: StreamFormat | null,
): Promise<Response> {
  if (!isSuccess(result) || format === null || result.events === null) return resultResponse(context, job, result);
  if (result.size > context.config.maxReplaySize) throw tooLong(job);
  const collected = collectAs(format, await eventsOf(readAnswer(context, job.id, result)));
  if (collected.kind === 'foreign') return resultResponse(context, job, result);
  if (collected.kind === 'broken') throw brokenOff(job);
  return collectedResponse(
    collected,
    result.status,
    new Headers({ 'x-job-id': job.id, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }),
  );
}

function isSuccess({ status }: Result): boolean {
  return status >= 200 && status < 300;
}

function tooLong(job: Job): GatewayError {
  const message = 'The answer was streamed, and is too long to be gathered into one: read it at /result of the job.';
  return new GatewayError('stream_unsupported', {
    message,
    headers: { 'x-job-id': job.id, 'x-should-retry': 'false' },
  });
}

function brokenOff(job: Job): GatewayError {
  return new GatewayError('upstream_reset', {
    message:
      'The provider ended its stream before the answer was complete: what came of it is at /result of the job, asked for with Accept: text/event-stream.',
    headers: { 'x-job-id': job.id },
  });
}
