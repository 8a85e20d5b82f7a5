import { sleep } from '../clock.ts';
import { GatewayError } from '../http/errors.ts';
import type { ReplayEvent } from './format.ts';

/** Milliseconds between replayed events: `X-Replay-Speed: instant`, or a factor by which the usual pace is faster. */
export function replayDelay(headers: Headers, usual: number): number {
  const speed = headers.get('x-replay-speed')?.trim().toLowerCase();
  if (speed === undefined) return usual;
  if (speed === 'instant') return 0;
  const factor = /^\d+(\.\d+)?$/.test(speed) ? Number(speed) : 0;
  if (factor > 0) return usual / factor;
  throw new GatewayError('invalid_request', {
    message: 'X-Replay-Speed must be instant or a factor greater than 0.',
    param: 'X-Replay-Speed',
  });
}

/** Numbers the events from 0, leaves out those up to `cursor` and keeps `delayMs` between the others. */
export async function* paced(events: readonly ReplayEvent[], cursor: number, delayMs: number, signal: AbortSignal) {
  for (let index = cursor + 1; index < events.length; index++) {
    const event = events[index];
    if (event === undefined || signal.aborted) return;
    yield { index, event };
    if (delayMs > 0 && index < events.length - 1) await sleep(delayMs, signal);
  }
}
