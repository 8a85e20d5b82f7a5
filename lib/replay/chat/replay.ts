import { isObject, type Json, type JsonObject, numberOf } from '../../json.ts';
import type { ReplayEvent, ReplayOptions } from '../format.ts';
import { objectsIn } from '../shape.ts';
import { choiceFrames } from './choice.ts';
import { identity } from './shape.ts';

/** A stored chat completion as the chunks of a stream; `null` when it has no choices to tell. */
export function replayChat(completion: JsonObject, options: ReplayOptions): ReplayEvent[] | null {
  const { id, created, model, object, choices, usage, service_tier, system_fingerprint, ...once } = completion;
  if (!Array.isArray(choices)) return null;
  const head = {
    ...identity({ id, created, model }),
    object: 'chat.completion.chunk',
    service_tier,
    system_fingerprint,
    ...(options.includeUsage && { usage: null }),
  };
  const chunks: JsonObject[] = choiceLists(choices, options).map((list) => ({ ...head, choices: list }));
  const events = chunks.map((chunk, position) => (position === 0 ? { ...once, ...chunk } : chunk));
  if (options.includeUsage && isObject(usage)) events.push({ ...head, choices: [], usage });
  return [...events.map((chunk) => ({ data: JSON.stringify(chunk) })), { data: '[DONE]' }];
}

/** The `choices` of each chunk: one choice at a time, opened in index order. Without choices, one empty list to carry the rest. */
function choiceLists(choices: Json[], { pieceLength }: ReplayOptions): JsonObject[][] {
  // Python's helper wants indexes from 0 without gaps, so the place decides, not a stored index that may be missing.
  const frames = objectsIn(choices)
    .sort((one, other) => indexOf(one) - indexOf(other))
    .flatMap((choice, index) => choiceFrames(choice, index, pieceLength));
  return frames.length > 0 ? frames.map((frame) => [frame]) : [[]];
}

function indexOf({ index }: JsonObject): number {
  return numberOf(index) ?? 0;
}
