import { isObject, type Json, type JsonObject, numberOf } from '../../json.ts';
import type { ReplayEvent, ReplayOptions } from '../format.ts';
import { choiceFrames, type TextChoice } from './choice.ts';
import { completionIdentity } from './identity.ts';

/** A stored legacy completion as the chunks of a stream; `null` when it has no choices, or a choice without text. */
export function replayCompletion(completion: JsonObject, options: ReplayOptions): ReplayEvent[] | null {
  const { id, created, model, object: _, choices, usage, system_fingerprint, ...once } = completion;
  const texts = textChoices(choices);
  if (texts === null) return null;
  const head = {
    ...completionIdentity({ id, created, model }),
    system_fingerprint,
    ...(options.includeUsage && { usage: null }),
  };
  const frames = texts.flatMap((choice, index) => choiceFrames(choice, index, options.pieceLength));
  // Without choices, one empty list carries the rest.
  const lists: JsonObject[][] = frames.length > 0 ? frames.map((frame) => [frame]) : [[]];
  const chunks: JsonObject[] = lists.map((list, position) => ({
    ...(position === 0 && once),
    ...head,
    choices: list,
  }));
  if (options.includeUsage && isObject(usage)) chunks.push({ ...head, choices: [], usage });
  return [...chunks.map((chunk) => ({ data: JSON.stringify(chunk) })), { data: '[DONE]' }];
}

/** The choices in the order of their index, which their place then is. */
function textChoices(choices: Json | undefined): TextChoice[] | null {
  if (!Array.isArray(choices)) return null;
  const texts = choices.filter(isTextChoice);
  if (texts.length < choices.length) return null;
  return texts.sort((one, other) => indexOf(one) - indexOf(other));
}

function isTextChoice(choice: Json): choice is TextChoice {
  return isObject(choice) && typeof choice['text'] === 'string';
}

function indexOf({ index }: JsonObject): number {
  return numberOf(index) ?? 0;
}
