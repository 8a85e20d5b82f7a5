import type { JsonObject } from '../../json.ts';
import type { ReplayEvent } from '../format.ts';

/** An event as Anthropic writes it, its name also the `type` of its data: clients pass over events without a name. */
export function named(type: string, fields: JsonObject): ReplayEvent {
  return { event: type, data: JSON.stringify({ type, ...fields }) };
}
