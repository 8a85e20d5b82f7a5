import { sleep } from '../clock.ts';
import { concat } from '../http/body.ts';
import { GatewayError } from '../http/errors.ts';
import { arrayHeaders, arrayOf } from '../http/json-array.ts';
import { endedAfter } from '../http/limited.ts';
import { anySignal } from '../http/signals.ts';
import { eventStream, eventStreamHeaders, frame } from '../http/sse.ts';
import { wholeForm } from '../http/stream-form.ts';
import { isObject, type JsonObject, parseJsonObject } from '../json.ts';
import type { ReplayEvent, StreamError, StreamFormat } from '../replay/format.ts';
import { isArrayStream } from '../replay/formats.ts';
import { paced } from '../replay/pace.ts';
import { replayAs } from '../replay/replay.ts';
import { upstreamFault } from '../upstream/faults.ts';
import { type Call, formed, formOf } from './call.ts';
import { limitReached, type ProxyContext, timeLeft, upstreamCall } from './proxy.ts';

/**
 * A call that is made without streaming and answered as a stream: the status and a heartbeat leave at once, heartbeats
 * follow while the provider works, then its answer is replayed. What goes wrong late comes as the format's error frame.
 */
export function fakeStream(context: ProxyContext, call: Call, format: StreamFormat, delayMs: number): Response {
  const leaving = new AbortController();
  const signal = anySignal(call.signal, leaving.signal);
  const left = timeLeft(call, context.config.runLimit);
  const live = liveFrames(context, { ...call, signal }, format, delayMs);
  const last = () => frame(format.error(limitReached()), null);
  const frames = endedAfter(live, left, last, () => leaving.abort());
  // The provider's call is aborted when the reader goes: a fake stream is paid for by its one reader.
  const isArray = isArrayStream(`${call.path}${call.search}`);
  const stream = eventStream(isArray ? arrayOf(frames) : frames, () => leaving.abort());
  return new Response(stream, { headers: isArray ? arrayHeaders() : eventStreamHeaders() });
}

async function* liveFrames(
  context: ProxyContext,
  call: Call,
  format: StreamFormat,
  delayMs: number,
): AsyncGenerator<string> {
  const { config } = context;
  const answer = wholeAnswer(context, formed(call, wholeForm(formOf(call))), format);
  let events: ReplayEvent[] | null = null;
  const settled = answer.then((result) => {
    events = result;
  });
  while (events === null && !call.signal.aborted) {
    if (format.heartbeat !== null) yield format.heartbeat;
    const tick = new AbortController();
    await Promise.race([settled, sleep(config.heartbeatInterval, anySignal(tick.signal, call.signal))]);
    tick.abort();
  }
  for await (const { event } of paced(events ?? [], -1, delayMs, call.signal)) yield frame(event, null);
}

/** The provider's whole answer as the events to replay; whatever goes wrong becomes the format's error frame. */
async function wholeAnswer(context: ProxyContext, call: Call, format: StreamFormat): Promise<ReplayEvent[]> {
  const { config } = context;
  try {
    const response = await context.upstream(upstreamCall(call, config, 'background'));
    const bytes = await readAll(response.body);
    const { status, headers } = response;
    if (status < 200 || status > 299) return [format.error(told(status, parseJsonObject(bytes)))];
    const options = { pieceLength: config.chunkTargetLength, includeUsage: call.asked?.includeUsage ?? false };
    const events = replayAs(format, bytes, headers.get('content-type'), options);
    return events ?? [format.error(faultOf(new GatewayError('upstream_malformed')))];
  } catch (error) {
    return [format.error(faultOf(upstreamFault(error)))];
  }
}

function faultOf({ message, type, code, status }: GatewayError): StreamError {
  return { message, type, code, status };
}

/** The provider's own error, where its body tells one. */
function told(status: number, json: JsonObject | undefined): StreamError {
  const error = isObject(json?.['error']) ? json['error'] : {};
  const text = (name: string) => (typeof error[name] === 'string' ? error[name] : null);
  return {
    message: text('message') ?? `The provider answered ${status}.`,
    type: text('type') ?? 'UNKNOWN',
    code: text('code') ?? 'upstream_status',
    param: text('param'),
    status,
  };
}

async function readAll(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body ?? []) {
    parts.push(part);
    size += part.byteLength;
  }
  return concat(parts, size);
}
