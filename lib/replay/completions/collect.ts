import { isObject, type JsonObject, numberOf } from '../../json.ts';
import { parseExact } from '../../json-exact.ts';
import { built, type Fields, gather, keep, keepFirst } from '../fields.ts';
import type { ReplayEvent } from '../format.ts';
import { objectsIn } from '../shape.ts';
import { completionIdentity } from './identity.ts';

const IDENTITY_FIELDS: ReadonlySet<string> = new Set(['id', 'created', 'model']);
const NO_TEXTS: ReadonlySet<string> = new Set();
const CHOICE_TEXTS: ReadonlySet<string> = new Set(['text']);

/** A stream's chunks gathered into the completion that they spell; `null` when there are none or when it failed on the way. */
export function collectCompletion(events: readonly ReplayEvent[]): JsonObject | null {
  const fields: Fields = new Map();
  const choices = new Map<number, Choice>();
  let isSeen = false;
  for (const { data } of events) {
    const chunk = parseExact(data);
    // `[DONE]` is no JSON, and what is no object is no chunk.
    if (!isObject(chunk)) continue;
    const { choices: list, object: _, obfuscation: __, error, ...rest } = chunk;
    if (error !== undefined && error !== null) return null;
    // A chat completion's choices have no text.
    isSeen ||= Array.isArray(list) && objectsIn(list).every(({ text }) => text !== undefined);
    for (const [name, value] of Object.entries(rest)) {
      if (IDENTITY_FIELDS.has(name)) keepFirst(fields, name, value);
      // A null only says that the usage comes later.
      else if (name !== 'usage' || value !== null) keep(fields, name, value);
    }
    for (const [position, choice] of objectsIn(list).entries()) choiceAt(choices, choice, position).add(choice);
  }
  if (!isSeen) return null;
  const gathered: JsonObject = Object.fromEntries(fields);
  const inOrder = [...choices].sort(([one], [other]) => one - other);
  return {
    ...gathered,
    ...completionIdentity(gathered),
    choices: inOrder.map(([index, choice]) => choice.build(index)),
  };
}

function choiceAt(choices: Map<number, Choice>, { index }: JsonObject, position: number): Choice {
  const place = numberOf(index) ?? position;
  const choice = choices.get(place) ?? new Choice();
  choices.set(place, choice);
  return choice;
}

class Choice {
  readonly #fields: Fields = new Map();
  readonly #logprobs: Fields = new Map();

  add({ index: _, logprobs, ...fields }: JsonObject): void {
    gather(this.#fields, fields, CHOICE_TEXTS);
    if (isObject(logprobs)) gather(this.#logprobs, logprobs, NO_TEXTS);
    else keep(this.#fields, 'logprobs', logprobs);
  }

  build(index: number): JsonObject {
    return {
      text: '',
      finish_reason: null,
      ...Object.fromEntries(this.#fields),
      ...built('logprobs', this.#logprobs),
      index,
    };
  }
}
