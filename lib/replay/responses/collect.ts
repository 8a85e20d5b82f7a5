import { isObject, type JsonObject } from '../../json.ts';
import { parseExact } from '../../json-exact.ts';
import type { ReplayEvent } from '../format.ts';
import { Output } from './output.ts';
import { LIFECYCLE } from './shape.ts';

/**
 * The response that a stream's last event tells, `failed` ones included; where the stream has broken off before it, what
 * had come till then, `in_progress`. `null` when the stream told no response, or ended in an error.
 */
export function collectResponse(events: readonly ReplayEvent[]): JsonObject | null {
  const output = new Output();
  let response: JsonObject | null = null;
  for (const { event: name, data } of events) {
    const event = parseExact(data);
    if (!isObject(event)) continue;
    const type = typeof event['type'] === 'string' ? event['type'] : name;
    if (type === 'error' || isObject(event['error'])) return null;
    if (type === undefined) continue;
    if (!LIFECYCLE.has(type)) output.add(type, event);
    else if (isObject(event['response'])) {
      response = event['response'];
      output.replace(response['output']);
    }
  }
  return response && { ...response, output: output.build() };
}
