import { CATALOGUE, GatewayError, isErrorCode } from '../http/errors.ts';
import { arrayHeaders, arrayOf } from '../http/json-array.ts';
import { endedAfter } from '../http/limited.ts';
import { EventReader, eventStream, eventStreamHeaders, frame, RECONNECT } from '../http/sse.ts';
import { isObject, parseJsonObject } from '../json.ts';
import type { ReplayEvent, StreamError, StreamFormat } from '../replay/format.ts';
import { paced } from '../replay/pace.ts';
import { replayAs } from '../replay/replay.ts';
import { REPLAY_VERSION } from '../replay/version.ts';
import { readChunks, readWhole } from './chunks.ts';
import type { JobsContext } from './context.ts';
import { type CompletedJob, type EndedJob, type FailedJob, isEnded, type Job, type Progress } from './job.ts';
import { END_ID, eventId } from './reading.ts';
import { nextVersion } from './wait.ts';

export interface StreamOptions {
  /** `null`: a path whose whole answers cannot be replayed; what was stored as a stream still can. */
  readonly format: StreamFormat | null;
  /** Number of the last event that the reader has; -1: none. */
  readonly cursor: number;
  /** The attempt that gave it, where the reader knows. */
  readonly attempt: number | null;
  /** Whether events carry `id:` lines. */
  readonly ids: boolean;
  /** As one JSON array that is sent piece by piece, in place of server-sent events. */
  readonly asArray: boolean;
  /** Milliseconds between events replayed from a whole answer. */
  readonly delayMs: number;
  readonly includeUsage: boolean;
  readonly signal: AbortSignal;
  /** Milliseconds after which the reader is told to read on with another request; `Infinity` for none. */
  readonly endsIn: number;
}

/** What is known of one reader while it reads. */
interface Reading extends StreamOptions {
  /** Number of the last event that it was given. */
  readonly reached: { event: number };
}

/** Bytes of a provider's error that are looked into for its words; a longer one is a page of something else. */
const MAX_ERROR_SIZE = 65_536;

/** A comment: what keeps a line open where the format has nothing better. */
const COMMENT = ': heartbeat\n\n';

/**
 * The job as the provider's own event stream: what is stored of a streamed answer, live while it grows; or a whole
 * answer, replayed once it is there. Event n is the same whenever and however often it is read. A job that is deleted
 * meanwhile ends in the format's error, as a reader of a stream has no status left to look at.
 */
export async function* jobStream(context: JobsContext, job: Job, options: StreamOptions): AsyncGenerator<string> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const reading: Reading = { ...options, signal, reached: { event: options.cursor } };
  const last = () => suspended(reading);
  try {
    yield* endedAfter(followed(context, job, reading), options.endsIn, last, () => stop.abort());
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'job_not_found') throw error;
    yield frameError({ message: error.message, type: error.type, code: error.code, status: error.status }, options);
  }
}

/** An `EventSource` comes again by itself and goes on; any other reader must learn that this is not the end. */
function suspended(reading: Reading): string {
  if (reading.ids) return RECONNECT;
  const { event } = reading.reached;
  const further = event < 0 ? 'read it again' : `read on with ?starting_after=${event}`;
  const { message, type, code, status } = new GatewayError('function_limit', {
    message: `The stream reached the time that a function may run; the job goes on: ${further}.`,
  });
  return frameError({ message, type, code, status }, reading);
}

async function* followed(context: JobsContext, job: Job, options: Reading): AsyncGenerator<string> {
  const { signal } = options;
  const heartbeat = options.format === null ? COMMENT : options.format.heartbeat;
  let current = job;
  let position: Position | null = null;
  let quietSince = 0;
  while (!signal.aborted) {
    const progress = current.progress;
    if (progress !== null && progress.events !== null) {
      position ??= await startAt(context, current, progress, options);
      if (position.attempt !== progress.attempt) return yield frameError(INTERRUPTED, options);
      for await (const text of newFrames(context, current, progress, position, options)) {
        quietSince = context.clock.now();
        yield text;
      }
      if (position.chunk < progress.chunks) {
        // Not all was there: the job has been run again, or it has gone.
        if ((await context.store.get(current.id)) === null) throw new GatewayError('job_not_found');
        return yield frameError(INTERRUPTED, options);
      }
    }
    if (isEnded(current)) return yield* ending(context, current, position?.attempt ?? options.attempt, options);
    if (heartbeat !== null && context.clock.now() - quietSince >= context.config.heartbeatInterval) {
      quietSince = context.clock.now();
      yield heartbeat;
    }
    const wait = quietSince + context.config.heartbeatInterval - context.clock.now();
    current = await nextVersion(context, current, Math.max(1, wait), signal);
  }
}

/** The job as an event stream: see {@link jobStream}. */
export function streamResponse(context: JobsContext, job: Job, options: StreamOptions): Response {
  const frames = jobStream(context, job, options);
  return responseOf(job, options.asArray ? arrayOf(frames) : frames, options);
}

/** As {@link streamResponse}, for `EventSource`, which comes again after every end until 204 tells it that there is no more. */
export async function resumedResponse(context: JobsContext, job: Job, options: StreamOptions): Promise<Response> {
  const frames = jobStream(context, job, options);
  if (!isEnded(job)) return responseOf(job, frames, options);
  const first = await frames.next();
  return first.done ? new Response(null, { status: 204 }) : responseOf(job, startingWith(first.value, frames), options);
}

function responseOf(job: Job, frames: AsyncGenerator<string>, { asArray }: StreamOptions): Response {
  const headers = asArray ? arrayHeaders() : eventStreamHeaders();
  headers.set('x-job-id', job.id);
  return new Response(eventStream(frames), { headers });
}

async function* startingWith(first: string, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield first;
  yield* rest;
}

/** How far a reader of a stored stream is. */
interface Position {
  readonly attempt: number;
  chunk: number;
  /** Number of the last event given. */
  event: number;
}

async function startAt(
  { store }: JobsContext,
  job: Job,
  { attempt }: Progress,
  options: StreamOptions,
): Promise<Position> {
  const chunk = options.cursor < 0 ? 0 : await store.chunkOfEvent(job.id, attempt, options.cursor + 1);
  return { attempt: options.attempt ?? attempt, chunk, event: options.cursor };
}

/** The stored events that the reader does not have yet; no event straddles two chunks. */
async function* newFrames(
  context: JobsContext,
  job: Job,
  progress: Progress,
  position: Position,
  options: Reading,
): AsyncGenerator<string> {
  for await (const chunk of readChunks(context, job.id, progress, position.chunk)) {
    const events = new EventReader().push(chunk.bytes);
    position.chunk = chunk.index + 1;
    for (const [offset, event] of events.entries()) {
      const index = chunk.eventsBefore + offset;
      if (index <= position.event) continue;
      position.event = index;
      yield numbered(event, index, progress.attempt, options);
      // Only now has the reader got it.
      options.reached.event = index;
    }
  }
}

/** What is still to be said once the job has ended. */
async function* ending(
  context: JobsContext,
  job: EndedJob,
  attempt: number | null,
  options: Reading,
): AsyncGenerator<string> {
  switch (job.status) {
    case 'completed':
      if (job.result.events !== null) return;
      // A reader that has the beginning of an earlier attempt's stream must not be given this answer after it.
      if (attempt !== null && attempt !== job.result.attempt) return yield frameError(INTERRUPTED, options);
      // Numbers of events that were cut by other rules mean nothing any more.
      if (options.cursor >= 0 && job.cut.version !== REPLAY_VERSION) return yield frameError(CUT_ANEW, options);
      return yield* replayed(context, job, options);
    case 'failed':
      return yield frameError(await failure(context, job), options);
    case 'cancelled':
      return yield frameError(
        // Some formats have a word for this status, and none for 410.
        { message: 'The job was cancelled.', type: 'CONFLICT', code: 'job_cancelled', status: 499 },
        options,
      );
    case 'expired':
      return yield frameError(
        { message: 'The job expired before it was run.', type: 'CONFLICT', code: 'job_expired', status: 410 },
        options,
      );
  }
}

async function* replayed(context: JobsContext, job: CompletedJob, options: Reading): AsyncGenerator<string> {
  const { id, result, cut } = job;
  const bytes = await readWhole(context, id, result, context.config.maxReplaySize);
  const pieces = { pieceLength: cut.length, includeUsage: options.includeUsage };
  const { format } = options;
  const events = bytes === null || format === null ? null : replayAs(format, bytes, result.contentType, pieces);
  if (events === null) return yield frameError(UNSUPPORTED, options);
  for await (const { index, event } of paced(events, options.cursor, options.delayMs, options.signal)) {
    yield numbered(event, index, result.attempt, options);
    options.reached.event = index;
  }
}

const UNSUPPORTED: StreamError = {
  message: 'The result of this job cannot be given as a stream: read it at /result.',
  type: 'CONFLICT',
  code: 'stream_unsupported',
  status: 409,
};

const INTERRUPTED: StreamError = {
  message: 'The provider broke the stream off and the call was made anew: read the stream again from its start.',
  type: 'NETWORK',
  code: 'stream_restarted',
  status: 502,
};

const CUT_ANEW: StreamError = {
  ...INTERRUPTED,
  message: 'A newer gateway cuts this answer at other places: read the stream again from its start.',
};

function numbered(event: ReplayEvent, index: number, attempt: number, { ids }: Reading): string {
  return `${ids ? `id: ${eventId(index, attempt)}\n` : ''}${frame(event, null)}`;
}

function frameError(error: StreamError, { format, ids }: StreamOptions): string {
  const told = frame(format === null ? { data: JSON.stringify({ error }) } : format.error(error), null);
  return ids ? `id: ${END_ID}\n${told}` : told;
}

/** The provider's own words where it gave an error body, else ours. */
async function failure(context: JobsContext, job: FailedJob): Promise<StreamError> {
  const { message, type, code, upstreamStatus } = job.error;
  const status = isErrorCode(code) ? CATALOGUE[code].status : 502;
  const own = { message, type, code, status: upstreamStatus ?? status };
  if (job.result === null || job.result.events !== null) return own;
  const bytes = await readWhole(context, job.id, job.result, MAX_ERROR_SIZE);
  const told = bytes === null ? undefined : parseJsonObject(bytes)?.['error'];
  if (!isObject(told)) return own;
  return {
    message: typeof told['message'] === 'string' ? told['message'] : message,
    type: typeof told['type'] === 'string' ? told['type'] : type,
    code: typeof told['code'] === 'string' ? told['code'] : code,
    status: own.status,
  };
}
