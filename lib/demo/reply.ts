import type { UpstreamRequest, UpstreamResponse } from '../upstream/transport.ts';
import type { Controls } from './controls.ts';
import { ConnectionReset } from './fail.ts';
import { bodyOf, partsOf, sleep } from './stream.ts';

/** An answer in a provider's format: one JSON document, or the frames of a stream. */
export type Reply = { readonly json: object } | { readonly frames: readonly string[]; readonly contentType: string };

export const eventStream = 'text/event-stream; charset=utf-8';

const breakdown = 'in the middle of the body';

async function* paced(frames: readonly string[], ms: number, ending: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const encoder = new TextEncoder();
  for (const [index, frame] of frames.entries()) {
    if (index > 0) await sleep(ms, ending);
    yield encoder.encode(frame);
  }
}

async function* thenReset(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, never> {
  yield* parts;
  throw new ConnectionReset(breakdown);
}

/** The first `limit` bytes, whatever parts they come in, and then a reset; without a limit, the first part. */
async function* resetAfter(parts: AsyncIterable<Uint8Array>, limit: number | undefined): AsyncGenerator<Uint8Array> {
  let left = limit;
  for await (const part of parts) {
    left ??= part.length;
    const some = part.subarray(0, left);
    left -= some.length;
    if (some.length > 0) yield some;
    if (left === 0) break;
  }
  throw new ConnectionReset(breakdown);
}

/** The reply as a response: a stream at the pace that was asked for, broken off half-way when that was. */
export function respond(reply: Reply, controls: Controls, signal: AbortSignal): UpstreamResponse {
  const broken = controls.failure === 'mid-stream';
  if ('json' in reply) {
    const bytes = new TextEncoder().encode(JSON.stringify(reply.json));
    const sent = broken ? bytes.subarray(0, Math.ceil(bytes.length / 2)) : bytes;
    const body = bodyOf((ending) => (broken ? thenReset(partsOf(sent, ending)) : partsOf(sent, ending)), signal);
    return { status: 200, headers: new Headers({ 'content-type': 'application/json' }), body };
  }
  const { frames, contentType } = reply;
  const sent = broken ? frames.slice(0, Math.ceil(frames.length / 2)) : frames;
  const body = bodyOf((ending) => {
    const parts = paced(sent, controls.tokenDelayMs, ending);
    return broken ? thenReset(parts) : parts;
  }, signal);
  return { status: 200, headers: new Headers({ 'content-type': contentType, 'cache-control': 'no-cache' }), body };
}

/** The request's own bytes, sent back as they come in, under the headers that describe them. */
export function echo(request: UpstreamRequest, controls: Controls): UpstreamResponse {
  const headers = new Headers();
  for (const name of ['content-type', 'content-encoding']) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  const announced = Number.parseInt(request.headers.get('content-length') ?? '', 10);
  const size = request.body instanceof Uint8Array ? request.body.length : announced;
  const half = Number.isNaN(size) ? undefined : Math.ceil(size / 2);
  const body = bodyOf((ending) => {
    const parts = partsOf(request.body, ending);
    return controls.failure === 'mid-stream' ? resetAfter(parts, half) : parts;
  }, request.signal);
  return { status: 200, headers, body };
}
