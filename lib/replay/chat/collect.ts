import { isObject, type JsonObject, numberOf } from '../../json.ts';
import { parseExact } from '../../json-exact.ts';
import { type Fields, keep, keepFirst } from '../fields.ts';
import type { ReplayEvent } from '../format.ts';
import { objectsIn } from '../shape.ts';
import { Choice } from './collect-choice.ts';
import { identity } from './shape.ts';

const IDENTITY_FIELDS: ReadonlySet<string> = new Set(['id', 'created', 'model']);

/** A stream's chunks gathered into the completion that they spell; `null` when there are none or when it failed on the way. */
export function collectChat(events: readonly ReplayEvent[]): JsonObject | null {
  const completion = new Completion();
  for (const { data } of events) {
    const chunk = parseExact(data);
    // `[DONE]` is no JSON, and what is no object is no chunk.
    if (!isObject(chunk)) continue;
    if (isFailure(chunk)) return null;
    completion.add(chunk);
  }
  return completion.build();
}

function isFailure({ error }: JsonObject): boolean {
  return error !== undefined && error !== null;
}

class Completion {
  readonly #fields: Fields = new Map();
  readonly #choices = new Map<number, Choice>();
  #isSeen = false;

  add({ choices, object: _, obfuscation: __, ...fields }: JsonObject): void {
    // A legacy completion's choices have no deltas.
    this.#isSeen ||= Array.isArray(choices) && objectsIn(choices).every(({ delta }) => isObject(delta));
    for (const [name, value] of Object.entries(fields)) this.#keep(name, value);
    for (const [position, choice] of objectsIn(choices).entries()) this.#choice(choice, position).add(choice);
  }

  build(): JsonObject | null {
    if (!this.#isSeen) return null;
    const fields: JsonObject = Object.fromEntries(this.#fields);
    const inOrder = [...this.#choices].sort(([one], [other]) => one - other);
    return {
      ...fields,
      ...identity(fields),
      object: 'chat.completion',
      choices: inOrder.map(([index, choice]) => choice.build(index)),
    };
  }

  #keep(name: string, value: JsonObject[string]): void {
    // Azure's first chunk has an empty id and model, and 0 for its time.
    if (IDENTITY_FIELDS.has(name)) keepFirst(this.#fields, name, value);
    // A null only says that the usage comes later.
    else if (name !== 'usage' || value !== null) keep(this.#fields, name, value);
  }

  #choice({ index }: JsonObject, position: number): Choice {
    const place = numberOf(index) ?? position;
    const choice = this.#choices.get(place) ?? new Choice();
    this.#choices.set(place, choice);
    return choice;
  }
}
