import { type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { Readable } from 'node:stream';
import { isObject, type JsonObject, parseJson } from '../../lib/json.ts';

export interface WireOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** An iterable goes out in chunks, without a length unless the headers tell one. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array> | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly trailers: IncomingMessage['trailers'];
  readonly body: Buffer;
  /** Whether the body came to its proper end. */
  readonly complete: boolean;
}

export interface OpenCall {
  readonly request: ClientRequest;
  /** The answer's head, its body not yet read. */
  readonly head: Promise<IncomingMessage>;
}

/** Begins a call with a connection of its own; the path goes out byte for byte, which `fetch` would not do. */
export function open(base: string, path: string, { method = 'GET', headers = {}, body }: WireOptions = {}): OpenCall {
  const { hostname, port } = new URL(base);
  const outgoing = request({ hostname, port, path, method, headers, agent: false });
  const head = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    // Later errors, of a connection that the gateway ends in the middle of a body, show in the answer.
    outgoing.on('error', reject);
  });
  if (body === undefined || typeof body === 'string' || body instanceof Uint8Array) outgoing.end(body);
  else Readable.from(body, { objectMode: false }).on('error', reportedByRequest).pipe(outgoing);
  return { request: outgoing, head };
}

/** A source that fails because its reader has gone: the request's own error tells of it. */
function reportedByRequest(): undefined {
  return undefined;
}

/** Reads an answer to its end, or to where it breaks off. */
export async function read(message: IncomingMessage): Promise<Answer> {
  const parts: Buffer[] = [];
  const { statusCode: status = 0, headers } = message;
  try {
    for await (const part of message) parts.push(part);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ECONNRESET')) throw error;
  }
  const { complete, trailers } = message;
  return { status, headers, trailers, body: Buffer.concat(parts), complete };
}

/** One call, its answer whole. */
export async function send(base: string, path: string, options: WireOptions = {}): Promise<Answer> {
  return read(await open(base, path, options).head);
}

/** A JSON call, as an SDK makes it. */
export function post(base: string, path: string, body: object, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
  return send(base, path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

export function jsonOf({ body }: { body: Buffer }): JsonObject {
  const value = parseJson(body.toString());
  if (!isObject(value)) throw new Error(`not a JSON object: ${body.toString().slice(0, 200)}`);
  return value;
}
