/** Waits, unless the signal ends it first: then rejects with its reason, and leaves no timer. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    if (ms === 0) {
      resolve();
      return;
    }
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}

/**
 * A body that is produced as it is read. Whatever ends it (its end, an error, a cancelling reader, the request's
 * signal) also aborts the signal that `produce` is given, so that nothing it waits for outlives the body.
 */
export function bodyOf(
  produce: (ending: AbortSignal) => AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  const ending = new AbortController();
  const iterator = produce(ending.signal)[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const abort = () => {
          ending.abort(signal.reason);
          controller.error(signal.reason);
        };
        if (signal.aborted) abort();
        else signal.addEventListener('abort', abort, { signal: ending.signal });
      },
      async pull(controller) {
        try {
          const { done, value } = await iterator.next();
          // Cancelled or aborted meanwhile: the stream is already over, and takes nothing more.
          if (ending.signal.aborted) return;
          if (done !== true) {
            controller.enqueue(value);
            return;
          }
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        ending.abort();
      },
      cancel(reason) {
        ending.abort(reason);
      },
    },
    // Nothing is made before it is asked for, so that an error cannot overtake a part that waits to be read.
    { highWaterMark: 0 },
  );
}

const sliceSize = 65_536;

async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += sliceSize) yield bytes.subarray(at, at + sliceSize);
}

/**
 * The parts of a body as they come, in slices when it is all there; ends with the signal's reason when that aborts. A
 * stream is taken at once, so that it is cancelled then even if nobody has begun to read the parts.
 */
export function partsOf(
  body: Uint8Array | ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  if (!(body instanceof ReadableStream)) return slices(body ?? new Uint8Array());
  const reader = body.getReader();
  // Cancelling a body that has failed rejects with that failure, which the read has already reported.
  const leave = () => void reader.cancel(signal.reason).catch(() => undefined);
  signal.addEventListener('abort', leave, { once: true });
  return read(reader, signal, leave);
}

async function* read(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  signal: AbortSignal,
  leave: () => void,
): AsyncGenerator<Uint8Array, void> {
  try {
    signal.throwIfAborted();
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
    // A cancelled reader reports an end, which is not the end of the body.
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener('abort', leave);
    leave();
  }
}

/** The whole body as text. */
export async function textFrom(
  body: Uint8Array | ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const part of partsOf(body, signal)) text += decoder.decode(part, { stream: true });
  return text + decoder.decode();
}
