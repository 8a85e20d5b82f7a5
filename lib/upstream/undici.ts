import { Readable } from 'node:stream';
import { Agent } from 'undici';
import type { Transport, UpstreamResponse } from './transport.ts';

const CONNECT_MS = 10_000;

export interface UndiciTransport {
  readonly transport: Transport;
  close(): Promise<void>;
}

/**
 * HTTP on Node: kept-alive connections for each origin, and the bytes as they are on the wire, compressed ones too.
 * Its own head and body timeouts are off: the call's deadlines are the only ones.
 */
export function undiciTransport(): UndiciTransport {
  const agent = new Agent({ headersTimeout: 0, bodyTimeout: 0, connect: { timeout: CONNECT_MS } });
  const transport: Transport = async ({ origin, target, method, headers, body, signal }) => {
    const {
      statusCode,
      headers: fields,
      body: stream,
    } = await agent.request({
      origin,
      path: target,
      method,
      headers: Object.fromEntries(headers),
      body: body instanceof ReadableStream ? Readable.from(body, { objectMode: false }) : body,
      signal,
    });
    const response = { status: statusCode, headers: toHeaders(fields) };
    if (method === 'HEAD' || [204, 205, 304].includes(statusCode)) {
      await stream.dump();
      return { ...response, body: null };
    }
    return { ...response, body: toWeb(stream) };
  };
  return { transport, close: () => agent.destroy() };
}

function toHeaders(fields: Record<string, string | string[] | undefined>): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(fields)) {
    for (const one of Array.isArray(value) ? value : [value ?? '']) headers.append(name, one);
  }
  return headers;
}

/** Pulled chunk by chunk: what the reader does not ask for stays in the socket. */
function toWeb(stream: Readable): UpstreamResponse['body'] {
  // The iterator tells its reader of errors. One that comes while nobody reads, of `destroy` for instance, would else be
  // thrown at the process.
  stream.on('error', () => undefined);
  const iterator: AsyncIterator<Uint8Array> = stream[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel() {
        stream.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}
