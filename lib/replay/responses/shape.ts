import { isNumber, isObject, type Json, type JsonObject } from '../../json.ts';
import { filled } from '../shape.ts';
import type { Item } from './items.ts';

export type StoredResponse = JsonObject & { output: Item[] };

/** The last event of a stream, by the status of its response. */
const CLOSING: ReadonlyMap<Json | undefined, string> = new Map([
  ['incomplete', 'response.incomplete'],
  ['failed', 'response.failed'],
  ['cancelled', 'response.failed'],
  ['queued', 'response.queued'],
  ['in_progress', 'response.in_progress'],
]);

/** All that carry the whole response. */
export const LIFECYCLE: ReadonlySet<string> = new Set(['response.created', 'response.completed', ...CLOSING.values()]);

export function closingOf({ status }: JsonObject): string {
  return CLOSING.get(status) ?? 'response.completed';
}

/** The response with what clients demand of one, also where a provider left it out; `null` when it has no output items. */
export function storedResponse(response: JsonObject): StoredResponse | null {
  const { id, created_at, model, output } = response;
  if (!Array.isArray(output)) return null;
  const items = output.flatMap((item, index) => storedItem(item, index) ?? []);
  if (items.length < output.length) return null;
  return {
    ...response,
    id: filled(id) ?? 'resp_unknown',
    object: 'response',
    created_at: isNumber(created_at) ? created_at : 0,
    model: filled(model) ?? 'unknown',
    output: items,
  };
}

/** Before anything of it has come: what is told at the end only is null. */
export function unfinished(response: StoredResponse): JsonObject {
  const later = ['usage', 'error', 'incomplete_details', 'completed_at'].filter((name) => name in response);
  return {
    ...response,
    ...Object.fromEntries(later.map((name) => [name, null])),
    ...('output_text' in response && { output_text: '' }),
    status: 'in_progress',
    output: [],
  };
}

function storedItem(item: Json, index: number): Item | null {
  if (!isObject(item) || typeof item['type'] !== 'string') return null;
  return { ...item, type: item['type'], id: filled(item['id']) ?? `item_${index}` };
}
