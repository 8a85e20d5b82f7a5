import type { ReplayEvent } from '../format.ts';

/** Closes the array that {@link arrayPiece} opens. */
export const ARRAY_END = '\n]';

/** One event as a piece of the JSON array that Gemini streams without `alt=sse`; `position` counts from 0. */
export function arrayPiece({ data }: ReplayEvent, position: number): string {
  return position === 0 ? `[${data}` : `,\n${data}`;
}

/** All events as the pieces of such an array, its end included: joined they are one JSON text. */
export function arrayPieces(events: readonly ReplayEvent[]): string[] {
  return events.length === 0 ? ['[]'] : [...events.map(arrayPiece), ARRAY_END];
}
