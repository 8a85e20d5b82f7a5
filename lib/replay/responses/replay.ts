import type { JsonObject } from '../../json.ts';
import type { ReplayEvent, ReplayOptions } from '../format.ts';
import { itemEvents } from './items.ts';
import { closingOf, storedResponse, unfinished } from './shape.ts';

/** A stored response as the events of a stream; `null` when it has no list of output items. */
export function replayResponse(completion: JsonObject, { pieceLength }: ReplayOptions): ReplayEvent[] | null {
  const response = storedResponse(completion);
  if (response === null) return null;
  const opening = unfinished(response);
  const events: JsonObject[] = [
    { type: 'response.created', response: opening },
    { type: 'response.in_progress', response: opening },
    ...response.output.flatMap((item, index) => itemEvents(item, index, pieceLength)),
    { type: closingOf(response), response },
  ];
  return events.map(({ type, ...fields }, sequence_number) => ({
    event: String(type),
    data: JSON.stringify({ type, sequence_number, ...fields }),
  }));
}
