import { GatewayError } from '../http/errors.ts';
import { MAX_WAIT_S, preferences } from '../http/prefer.ts';

/** Where a reader of events goes on, and whether it wants them numbered. */
export interface Cursor {
  /** Number of the last event that it has. */
  readonly last: number | null;
  /** The attempt that gave it, where that is known: another attempt's events are not its continuation. */
  readonly attempt: number | null;
  readonly ids: boolean;
  /** An `EventSource` that comes again, and that only 204 tells to stop. */
  readonly reconnects: boolean;
  /** It has been told how the stream ends. */
  readonly isOver: boolean;
}

/** What stands in the `id:` line of an error that ends a stream: whoever comes again with it has nothing more to read. */
export const END_ID = 'end';

/**
 * What stands in an event's `id:` line: its number; of an attempt after the first, `number.attempt`, so that who
 * reconnects is never given the rest of one attempt's stream after the beginning of another's.
 */
export function eventId(index: number, attempt: number): string {
  return attempt <= 1 ? String(index) : `${index}.${attempt}`;
}

/**
 * `Last-Event-ID` (what `EventSource` sends when it reconnects), else `?starting_after=n`. Numbers go out with the
 * events only to readers who use them: `?event_ids=true`, or whoever sends the header.
 */
export function readCursor(request: Request): Cursor {
  const parameters = new URL(request.url).searchParams;
  const lastId = request.headers.get('last-event-id');
  const isOver = lastId === END_ID;
  const header = eventNumber(isOver ? null : lastId, 'Last-Event-ID');
  const parameter = eventNumber(parameters.get('starting_after'), 'starting_after');
  return {
    last: header?.index ?? parameter?.index ?? null,
    // A parameter may have been counted by hand: without an attempt, it speaks of the stream as it is now.
    attempt: header === null ? (parameter?.attempt ?? null) : (header.attempt ?? 1),
    isOver,
    ids: header !== null || parameters.get('event_ids') === 'true',
    reconnects: header !== null,
  };
}

/** Seconds that a poll is held: `?wait=n`, or `Prefer: wait=n`; more than the longest hold counts as that. */
export function readWait(request: Request): number {
  const asked = wholeNumber(new URL(request.url).searchParams.get('wait'), 'wait');
  return Math.min(MAX_WAIT_S, asked ?? preferences(request.headers).wait ?? 0);
}

/** The reverse of {@link eventId}. */
function eventNumber(text: string | null, param: string) {
  if (text === null || text === '') return null;
  const [, index, attempt] = /^(\d{1,15})(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (index === undefined) throw notWhole(param);
  return { index: Number(index), attempt: attempt === undefined ? null : Number(attempt) };
}

function wholeNumber(text: string | null, param: string): number | null {
  if (text === null || text === '') return null;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw notWhole(param);
}

function notWhole(param: string): GatewayError {
  return new GatewayError('invalid_request', { message: `${param} must be a whole number.`, param });
}
