import { createParser } from 'eventsource-parser';
import { isObject, parseJson } from '../json.ts';
import type { ReplayEvent } from '../replay/format.ts';

/** Tells an `EventSource` to come again at once, which it does with `Last-Event-ID` when the stream ends. */
export const RECONNECT = 'retry: 1000\n\n';

/** One event as the wire has it; `id` only where the reader has asked for ids, as some SDKs choke on them. */
export function frame({ event, data }: ReplayEvent, id: number | null): string {
  const lines = data.split('\n').map((line) => `data: ${line}\n`);
  return `${id === null ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}${lines.join('')}\n`;
}

/**
 * An event stream that asks `frames` for more only when the reader has taken what there was.
 * @param left called at once when the reader goes; `frames` itself ends only at its next event
 */
export function eventStream(frames: AsyncGenerator<string>, left?: () => void): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await frames.next();
        if (done) controller.close();
        else controller.enqueue(encoder.encode(value));
      },
      async cancel() {
        left?.();
        await frames.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Headers of an event stream that no proxy on the way should hold back or change. */
export function eventStreamHeaders(): Headers {
  return new Headers({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  });
}

export function isEventStream(contentType: string | null): boolean {
  return /^\s*text\/event-stream\b/i.test(contentType ?? '');
}

/**
 * Anthropic's heartbeat, which is an event. Its clients keep it from their users, and the gateway's own look the same: who
 * counts the events of a stream can count none of them.
 */
function isPing({ event, data }: ReplayEvent): boolean {
  const told = event === 'ping' ? parseJson(data) : undefined;
  return isObject(told) && told['type'] === 'ping';
}

/** Reads events out of bytes that come in any pieces; heartbeats are none. */
export class EventReader {
  readonly #decoder = new TextDecoder();
  #events: ReplayEvent[] = [];
  readonly #parser = createParser({
    onEvent: ({ event, data }) => {
      const read = event === undefined ? { data } : { event, data };
      if (!isPing(read)) this.#events.push(read);
    },
  });

  /** The events that `bytes` have completed. */
  push(bytes: Uint8Array): ReplayEvent[] {
    this.#parser.feed(this.#decoder.decode(bytes, { stream: true }));
    const events = this.#events;
    this.#events = [];
    return events;
  }
}

/** All events of an answer. */
export async function eventsOf(bytes: AsyncIterable<Uint8Array>): Promise<ReplayEvent[]> {
  const reader = new EventReader();
  const events: ReplayEvent[] = [];
  for await (const piece of bytes) events.push(...reader.push(piece));
  return events;
}

const LF = 10;
const CR = 13;

/**
 * Finds where in a byte stream an event ends (a blank line, after LF, CR or CRLF: the HTML standard, "Server-sent
 * events"), so that a stream can be stored in parts that no event straddles, every byte of it kept.
 */
export class EventBoundary {
  #lineLength = 0;
  /** What the byte before was, where it was a CR: the end of a line, or of an event. */
  #afterCr: 'line' | 'event' | null = null;

  /** The offset in `bytes` just behind the last event that they complete, or 0. */
  push(bytes: Uint8Array): number {
    let end = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at];
      const afterCr = this.#afterCr;
      this.#afterCr = null;
      if (byte === LF && afterCr !== null) {
        // It may also come with the next bytes and begin the next part: a blank line more harms no reader.
        if (afterCr === 'event') end = at + 1;
      } else if (byte === LF || byte === CR) {
        const isBlank = this.#lineLength === 0;
        if (isBlank) end = at + 1;
        if (byte === CR) this.#afterCr = isBlank ? 'event' : 'line';
        this.#lineLength = 0;
      } else {
        this.#lineLength++;
      }
    }
    return end;
  }
}
