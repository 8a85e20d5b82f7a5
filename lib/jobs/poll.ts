import { GatewayError } from '../http/errors.ts';
import { endedAfter } from '../http/limited.ts';
import { eventStream, eventStreamHeaders, frame, RECONNECT } from '../http/sse.ts';
import type { JobsContext } from './context.ts';
import { isEnded, type Job } from './job.ts';
import { viewer } from './view.ts';
import { nextVersion, pollDelay } from './wait.ts';

/** The job object, with `Retry-After` until it has ended. */
export async function jobResponse(
  context: JobsContext,
  job: Job,
  baseUrl: string,
  status: number,
  headers: Readonly<Record<string, string>> = {},
  extra: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const view = { ...(await viewer(context, job, baseUrl))(job), ...extra };
  const again: Record<string, string> = isEnded(job)
    ? {}
    : { 'retry-after': String(pollDelay(job, context.clock.now())) };
  return Response.json(view, { status, headers: { 'cache-control': 'no-store', ...again, ...headers } });
}

/**
 * The job object as an event at each change, until it has ended. The event's id is the job's version: a reader that
 * reconnects after the last one gets 204, at which `EventSource` stops.
 */
export function changesResponse(context: JobsContext, job: Job, baseUrl: string, seen: number, signal: AbortSignal) {
  if (isEnded(job) && seen >= job.version) return new Response(null, { status: 204 });
  const stop = new AbortController();
  const all = changes(context, job, baseUrl, seen, AbortSignal.any([signal, stop.signal]));
  const frames = endedAfter(
    all,
    context.config.runLimit,
    () => RECONNECT,
    () => stop.abort(),
  );
  return new Response(
    eventStream(frames, () => stop.abort()),
    { headers: eventStreamHeaders() },
  );
}

function unlessGone(error: unknown): null {
  if (error instanceof GatewayError && error.code === 'job_not_found') return null;
  throw error;
}

async function* changes(
  context: JobsContext,
  job: Job,
  baseUrl: string,
  seen: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const view = await viewer(context, job, baseUrl);
  let told = '';
  for (let current = job, last = seen; !signal.aborted; ) {
    const data = JSON.stringify(view(current));
    // A version may differ in what the view does not show: a stream that has grown, for instance.
    if (current.version > last && data !== told) {
      yield frame({ data }, current.version);
      told = data;
    } else {
      yield ': heartbeat\n\n';
    }
    last = current.version;
    if (isEnded(current)) return;
    const next = await nextVersion(context, current, context.config.heartbeatInterval, signal).catch(unlessGone);
    // The job has been deleted: a reader that comes again is told so by a 404.
    if (next === null) return;
    current = next;
  }
}
