import { GatewayError } from './errors.ts';

/** A request's body: whole in memory where it is small, else as it comes. */
export type Body =
  | { readonly kind: 'none' }
  | { readonly kind: 'whole'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'stream'; readonly stream: ReadableStream<Uint8Array>; readonly size: number | null };

export interface BodyLimits {
  /** Bytes up to which a body is gathered: what a decision may look at, and what can be sent twice. */
  readonly whole: number;
  /** Bytes that a body may have at all. */
  readonly max: number;
}

/**
 * Reads no more of the body than `limits.whole`; the rest, if there is any, stays in the stream.
 * @throws GatewayError `request_too_large`, at once for a declared length, else when the limit is passed
 */
export async function readBody(request: Request, limits: BodyLimits): Promise<Body> {
  const size = declaredLength(request.headers);
  if (size !== null && size > limits.max) throw new GatewayError('request_too_large');
  if (request.body === null || size === 0) return { kind: 'none' };
  const source: ReadableStream<Uint8Array> = request.body;
  if (size !== null && size > limits.whole) return { kind: 'stream', stream: limited(source, [], limits.max), size };

  const reader = source.getReader();
  const read: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const { done, value } = await reader.read().catch((cause) => {
      throw new GatewayError('body_interrupted', { cause });
    });
    if (done) return total === 0 ? { kind: 'none' } : { kind: 'whole', bytes: concat(read, total) };
    read.push(value);
    total += value.byteLength;
    if (total > limits.max) {
      await reader.cancel();
      throw new GatewayError('request_too_large');
    }
    if (total > limits.whole) {
      reader.releaseLock();
      return { kind: 'stream', stream: limited(source, read, limits.max), size };
    }
  }
}

/** The whole body in memory. */
export async function gather(body: Body): Promise<Uint8Array<ArrayBuffer>> {
  if (body.kind === 'none') return new Uint8Array();
  if (body.kind === 'whole') return body.bytes;
  const parts: Uint8Array[] = [];
  let total = 0;
  for await (const part of body.stream) {
    parts.push(part);
    total += part.byteLength;
  }
  return concat(parts, total);
}

/** `first`, then the rest of `source`, failing once more than `max` bytes have come. */
function limited(source: ReadableStream<Uint8Array>, first: readonly Uint8Array[], max: number) {
  const reader = source.getReader();
  const waiting = [...first];
  let total = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = waiting.shift() ?? (await reader.read().catch(interrupted)).value;
        if (chunk === undefined) return controller.close();
        total += chunk.byteLength;
        if (total > max) {
          await reader.cancel();
          throw new GatewayError('request_too_large');
        }
        controller.enqueue(chunk);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

function interrupted(cause: unknown): never {
  throw new GatewayError('body_interrupted', { cause });
}

function declaredLength(headers: Headers): number | null {
  const value = headers.get('content-length');
  return value !== null && /^\d+$/.test(value) ? Number(value) : null;
}

export function concat(parts: Iterable<Uint8Array>, total: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(total);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole;
}
