import type { Config } from '../config.ts';
import { GatewayError } from '../http/errors.ts';
import { eventsEndedAfter } from '../http/limited.ts';
import { frame, isEventStream } from '../http/sse.ts';
import type { Log } from '../log.ts';
import type { StreamError, StreamFormat } from '../replay/format.ts';
import type { Upstream, UpstreamCall } from '../upstream/call.ts';
import { headersWithKey, keyFor, targetWithKey } from '../upstream/credential.ts';
import { returnedHeaders } from '../upstream/headers.ts';
import { relocated } from '../upstream/location.ts';
import type { UpstreamResponse } from '../upstream/transport.ts';
import type { Call } from './call.ts';

export interface ProxyContext {
  readonly config: Config;
  readonly upstream: Upstream;
  /** Milliseconds after the call has come in that the platform waits for the head of its answer; none, where left out. */
  readonly headWithin?: number;
}

export interface Proxying {
  readonly run: 'edge' | 'background';
  /** The format of the path's streams, where it is known. */
  readonly format: StreamFormat | null;
  readonly log: Log;
}

/** Makes the call and gives the provider's answer as it comes: status, headers that may cross, and the bytes. */
export async function proxy(context: ProxyContext, call: Call, { run, format, log }: Proxying): Promise<Response> {
  const onBreak = (error: unknown) => log.warn('broken off', { service: call.service.name, error });
  const asked = headInTime(context, call, run);
  return passedOn(context, call, format, await context.upstream({ ...asked, onBreak }));
}

/** The call as it goes upstream, with no later first byte than the platform waits for the head of its answer. */
export function headInTime(context: ProxyContext, call: Call, run: 'edge' | 'background'): UpstreamCall {
  const asked = upstreamCall(call, context.config, run);
  const headWithin = Math.min(context.headWithin ?? Number.POSITIVE_INFINITY, context.config.runLimit);
  const firstByte = Math.min(asked.deadlines.firstByte, timeLeft(call, headWithin));
  return { ...asked, deadlines: { ...asked.deadlines, firstByte } };
}

/** The provider's answer as it crosses to the caller. */
export function passedOn(
  context: ProxyContext,
  call: Call,
  format: StreamFormat | null,
  { status, headers, body }: UpstreamResponse,
): Response {
  const answer = returnedHeaders(headers);
  const location = answer.get('location');
  if (location !== null) answer.set('location', relocated(location, call.service));
  // What a provider sends is shown on the gateway's own origin, where the page lives: it must not run there.
  answer.set('content-security-policy', 'sandbox');
  answer.set('x-content-type-options', 'nosniff');
  // Where events end cannot be told of compressed bytes, and no frame could follow them.
  const isPlain = isEventStream(headers.get('content-type')) && headers.get('content-encoding') === null;
  const tells = body !== null && format !== null && isPlain;
  return new Response(tells ? endedInTime(body, call, context.config, format) : body, { status, headers: answer });
}

/** A stream that outlasts its function ends with a word of its format, which a break would not be. */
function endedInTime(body: ReadableStream<Uint8Array>, call: Call, { runLimit }: Config, format: StreamFormat) {
  if (runLimit === Number.POSITIVE_INFINITY) return body;
  return eventsEndedAfter(body, timeLeft(call, runLimit), () => frame(format.error(limitReached()), null));
}

/** Milliseconds that a function still has for a call. */
export function timeLeft(call: Call, runLimit: number): number {
  return Math.max(0, runLimit - timeTaken(call));
}

/** Milliseconds since the call came in: an upload may have taken of them. */
export function timeTaken({ startedAt }: Call): number {
  return Date.now() - startedAt;
}

/** What the reader of a stream is told whose function has no more time. */
export function limitReached(): StreamError {
  const { message, type, code, status } = new GatewayError('function_limit');
  return { message, type, code, status };
}

/** The call as it goes upstream, with the budget of the way that it is run. */
export function upstreamCall(call: Call, config: Config, run: 'edge' | 'background'): UpstreamCall {
  const { service, path, search, body } = call;
  const key = keyFor(call.caller.credential, service, path, config);
  const headers = headersWithKey(call.headers, key, service, config);
  // A length that is known stays known: not every provider takes a body in chunks.
  if (body.kind === 'stream' && body.size !== null) headers.set('content-length', String(body.size));
  const firstByte = Math.min(
    run === 'background' ? config.backgroundTimeout : (service.timeout ?? config.defaultTimeout),
    config.runLimit,
  );
  // What a function may run is counted from the request on; on one machine there is no such limit.
  const total = Number.isFinite(config.runLimit) ? timeLeft(call, config.totalTimeout) : config.totalTimeout;
  return {
    service,
    method: call.method,
    target: targetWithKey(`${path}${search}`, key),
    headers,
    body: body.kind === 'none' ? null : body.kind === 'whole' ? body.bytes : body.stream,
    deadlines: {
      firstByte,
      idle: config.streamIdleTimeout,
      total: Math.max(firstByte, total),
    },
    maxSize: service.maxResponseSize ?? config.maxResponseSize,
    retries: config.enableRetry ? service.maxRetries : 0,
    signal: call.signal,
  };
}
