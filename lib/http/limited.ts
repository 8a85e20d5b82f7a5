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
  const limit = timer(ms);
  try {
    for (;;) {
      const next = await Promise.race([frames.next(), limit.passed]);
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
  const limit = timer(ms);
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
          const next = await Promise.race([reader.read(), limit.passed]).catch((error) => {
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

function timer(ms: number): { passed: Promise<'passed'>; clear: () => void } {
  const clearing = new AbortController();
  const slept = ms === Number.POSITIVE_INFINITY ? new Promise<void>(() => undefined) : sleep(ms, clearing.signal);
  return { passed: slept.then(() => 'passed' as const), clear: () => clearing.abort() };
}
