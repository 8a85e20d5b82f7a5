import { setTimeout as wait } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import { type Dispatcher, request } from 'undici';

export interface StreamEvent {
  readonly id: string | null;
  readonly data: string;
}

export interface ReadOptions {
  readonly url: string;
  readonly authorization: string;
  readonly dispatcher: Dispatcher;
  readonly signal: AbortSignal;
  readonly lastEventId?: string | null;
  /** Leaves after so many events. */
  readonly leaveAfter?: number;
  /** Reads nothing for so long (ms) after the first event. */
  readonly stallMs?: number;
}

export interface Reading {
  readonly status: number;
  readonly events: readonly StreamEvent[];
}

/** Reads a job's stream to its end, or leaves it as told. */
export async function readStream(options: ReadOptions): Promise<Reading> {
  const { url, authorization, dispatcher, signal, lastEventId = null, leaveAfter, stallMs = 0 } = options;
  const left = new AbortController();
  const headers = { authorization, ...(lastEventId === null ? {} : { 'last-event-id': lastEventId }) };
  const answer = await request(url, { headers, dispatcher, signal: AbortSignal.any([signal, left.signal]) });
  const events: StreamEvent[] = [];
  const parser = createParser({ onEvent: ({ id = null, data }) => void events.push({ id, data }) });
  const decoder = new TextDecoder();
  let stalled = false;
  for await (const piece of answer.body) {
    if (piece instanceof Uint8Array) parser.feed(decoder.decode(piece, { stream: true }));
    if (leaveAfter !== undefined && events.length >= leaveAfter) break;
    if (!stalled && events.length > 0) {
      stalled = true;
      await wait(stallMs);
    }
  }
  left.abort();
  return { status: answer.statusCode, events: events.slice(0, leaveAfter) };
}

/** Comes again after every single event, as a reader on a very bad line does, until 204 says that there is no more. */
export async function readOneByOne(options: ReadOptions): Promise<readonly StreamEvent[]> {
  const events: StreamEvent[] = [];
  for (let lastEventId: string | null = null; !options.signal.aborted; lastEventId = events.at(-1)?.id ?? null) {
    const { status, events: some } = await readStream({ ...options, lastEventId, leaveAfter: 1 });
    if (status === 204) break;
    // What ends a stream without an event is the end of the job in that very moment: the next request is told 204.
    events.push(...some);
  }
  return events;
}
