import { GatewayError } from '../http/errors.ts';
import { EventReader, isEventStream } from '../http/sse.ts';
import { unlessTooDeep } from '../replay/depth.ts';
import type { ReplayEvent, StreamFormat } from '../replay/format.ts';
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
  const stored = isEventStream(result.contentType);
  const succeeded = result.status >= 200 && result.status < 300;
  if (succeeded && form.format !== null && form.streaming && !stored) return streamResponse(context, job, form);
  if (succeeded && form.format !== null && !form.streaming && stored) {
    if (result.size > context.config.maxReplaySize) throw tooLong(job);
    const whole = gathered(form.format, await readEvents(context, job.id, result));
    if (whole !== null) {
      const headers = { 'content-type': 'application/json', 'x-job-id': job.id };
      return new Response(whole, { status: result.status, headers });
    }
  }
  return resultResponse(context, job, result);
}

/** The completion that the events spell, as JSON; `null` where they spell none, or one that is nested too deeply. */
function gathered(format: StreamFormat, events: readonly ReplayEvent[]): string | null {
  return unlessTooDeep(() => {
    const completion = format.collect(events);
    return completion === null ? null : JSON.stringify(completion);
  });
}

function tooLong(job: Job): GatewayError {
  const message = 'The answer was streamed, and is too long to be gathered into one: read it at /result of the job.';
  return new GatewayError('stream_unsupported', {
    message,
    headers: { 'x-job-id': job.id, 'x-should-retry': 'false' },
  });
}

async function readEvents(context: JobsContext, jobId: string, result: Result): Promise<ReplayEvent[]> {
  const reader = new EventReader();
  const events: ReplayEvent[] = [];
  for await (const bytes of readAnswer(context, jobId, result)) events.push(...reader.push(bytes));
  return events;
}
