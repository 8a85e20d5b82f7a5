import { sleep } from '../clock.ts';
import { concat } from './body.ts';
import { EventBoundary } from './sse.ts';

/**
 * `frames` for `ms`, then `last` in place of what would still come. `Infinity`: all of them.
 * @param stop called then, so that `frames` waits for nothing more
 */
export async function* endedAfter(
  frames: AsyncGenerator<string>,
  ms: number,
  last: () => string,
  stop: () => void,
): AsyncGenerator<string> {
  const limit = new Limit(ms);
  try {
    for (;;) {
      const next = await limit.orPassed(frames.next());
      if (next === 'passed') {
        stop();
        return yield last();
      }
      if (next.done) return;
      yield next.value;
    }
  } finally {
    limit.clear();
    await frames.return(undefined);
  }
}

/**
 * The same for an event stream's bytes: what has come of an event that is not complete is kept back, as `last` could not
 * follow it. Every byte is given, in its order, until then.
 */
export function eventsEndedAfter(
  body: ReadableStream<Uint8Array>,
  ms: number,
  last: () => string,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  const boundary = new EventBoundary();
  const limit = new Limit(ms);
  let held: Uint8Array[] = [];
  const take = (bytes: Uint8Array) => {
    const all = [...held, bytes];
    held = [];
    return concat(
      all,
      all.reduce((sum, { byteLength }) => sum + byteLength, 0),
    );
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        for (;;) {
          const next = await limit.orPassed(reader.read()).catch((error) => {
            limit.clear();
            throw error;
          });
          if (next === 'passed') {
            controller.enqueue(new TextEncoder().encode(last()));
            controller.close();
            return reader.cancel();
          }
          if (next.done) {
            limit.clear();
            if (held.length > 0) controller.enqueue(take(new Uint8Array()));
            return controller.close();
          }
          const end = boundary.push(next.value);
          if (end === 0) held.push(next.value);
          else {
            controller.enqueue(take(next.value.subarray(0, end)));
            if (end < next.value.byteLength) held = [next.value.subarray(end)];
            return;
          }
        }
      },
      cancel(reason) {
        limit.clear();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/** One timer for all the waits of a stream: `Promise.race` would leave something on it for each of them. */
class Limit {
  readonly #clearing = new AbortController();
  #isPassed = false;
  #pass: () => void = () => undefined;

  constructor(ms: number) {
    if (ms === Number.POSITIVE_INFINITY) return;
    void sleep(ms, this.#clearing.signal).then(() => {
      this.#isPassed = true;
      this.#pass();
    });
  }

  /** What is waited for, or `'passed'` as soon as the time is over. */
  orPassed<T>(awaited: Promise<T>): Promise<T | 'passed'> {
    return new Promise((resolve, reject) => {
      this.#pass = () => resolve('passed');
      if (this.#isPassed) this.#pass();
      awaited.then(resolve, reject);
    });
  }

  clear(): void {
    this.#clearing.abort();
  }
}
