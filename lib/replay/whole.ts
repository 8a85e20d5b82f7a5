import type { Json } from '../json.ts';
import type { ReplayEvent } from './format.ts';
import { filled, objectsIn } from './shape.ts';

/** Whether OpenAI's closing mark has come. */
export function isDone(events: readonly ReplayEvent[]): boolean {
  return events.at(-1)?.data.trim() === '[DONE]';
}

/** Whether there are choices or candidates, and each says why it ended. */
export function areFinished(list: Json | undefined, field = 'finish_reason'): boolean {
  const all = objectsIn(list);
  return all.length > 0 && all.every((one) => filled(one[field]) !== undefined);
}
