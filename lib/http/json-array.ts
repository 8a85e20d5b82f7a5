import { ARRAY_END, arrayPiece } from '../replay/gemini/array.ts';
import { EventReader } from './sse.ts';

/** The events of a stream as the pieces of one JSON array. What is no event, a comment for instance, is left out. */
export async function* arrayOf(frames: AsyncGenerator<string>): AsyncGenerator<string> {
  const encoder = new TextEncoder();
  let position = 0;
  for await (const text of frames) {
    for (const event of new EventReader().push(encoder.encode(text))) yield arrayPiece(event, position++);
  }
  yield position === 0 ? '[]' : ARRAY_END;
}

/** Nothing on the way may hold such an answer back to see its end. */
export function arrayHeaders(): Headers {
  return new Headers({
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  });
}
