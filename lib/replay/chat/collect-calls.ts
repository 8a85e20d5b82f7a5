import { isObject, type Json, type JsonObject, numberOf } from '../../json.ts';
import { built, type Fields, gather, keep } from '../fields.ts';
import { filled, objectsIn } from '../shape.ts';
import { CALL_TEXT } from './calls.ts';

const FUNCTION_TEXTS: ReadonlySet<string> = new Set([CALL_TEXT.function]);
const CUSTOM_TEXTS: ReadonlySet<string> = new Set([CALL_TEXT.custom]);

/** A message's tool calls being gathered from fragments. */
export class Calls {
  readonly #calls = new Map<number, Call>();
  readonly #placeOfId = new Map<string, number>();
  #last = -1;

  add(fragments: Json[]): void {
    for (const fragment of objectsIn(fragments)) {
      const index = this.#indexOf(fragment);
      const call = this.#calls.get(index) ?? new Call();
      this.#calls.set(index, call);
      this.#last = Math.max(this.#last, index);
      call.add(fragment);
      const id = filled(fragment['id']);
      if (id !== undefined && !this.#placeOfId.has(id)) this.#placeOfId.set(id, index);
    }
  }

  build(): JsonObject {
    if (this.#calls.size === 0) return {};
    const inOrder = [...this.#calls].sort(([one], [other]) => one - other);
    return { tool_calls: inOrder.map(([, call]) => call.build()) };
  }

  /** Without an index, a known id continues its call, another id or a name begins one, and all else continues the last. */
  #indexOf(fragment: JsonObject): number {
    const { index, id, function: fn } = fragment;
    const place = numberOf(index);
    if (place !== undefined) return place;
    const own = filled(id);
    const known = own === undefined ? undefined : this.#placeOfId.get(own);
    if (known !== undefined) return known;
    const isNamed = isObject(fn) && filled(fn['name']) !== undefined;
    return own === undefined && !isNamed && this.#last >= 0 ? this.#last : this.#last + 1;
  }
}

class Call {
  readonly #fields: Fields = new Map();
  readonly #function: Fields = new Map();
  readonly #custom: Fields = new Map();

  add({ index: _, function: fn, custom, ...fields }: JsonObject): void {
    for (const [name, value] of Object.entries(fields)) keep(this.#fields, name, value);
    if (isObject(fn)) gather(this.#function, fn, FUNCTION_TEXTS);
    if (isObject(custom)) gather(this.#custom, custom, CUSTOM_TEXTS);
  }

  build(): JsonObject {
    return {
      type: this.#custom.size > 0 ? 'custom' : 'function',
      ...Object.fromEntries(this.#fields),
      ...built('function', this.#function),
      ...built('custom', this.#custom),
    };
  }
}
