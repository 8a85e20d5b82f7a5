import type { Json, JsonObject } from '../../json.ts';
import { parseExact } from '../../json-exact.ts';

/** One content block being gathered. */
export class Block {
  readonly #fields: Map<string, Json | undefined>;
  #inputText = '';

  constructor(start: JsonObject) {
    this.#fields = new Map(Object.entries(start));
  }

  /** Adds a delta; one of an unknown kind has nothing that could be told from the block's other fields. */
  add({ type, ...delta }: JsonObject): void {
    const { text, thinking, signature, citation, partial_json } = delta;
    if (type === 'text_delta') this.#append('text', text);
    else if (type === 'thinking_delta') this.#append('thinking', thinking);
    else if (type === 'signature_delta') this.#fields.set('signature', signature);
    else if (type === 'citations_delta') this.#cite(citation);
    else if (type === 'input_json_delta' && typeof partial_json === 'string') this.#inputText += partial_json;
    else if (type === 'compaction_delta')
      for (const [name, value] of Object.entries(delta)) this.#fields.set(name, value);
  }

  build(): JsonObject {
    const block = Object.fromEntries(this.#fields);
    if (this.#inputText === '') return block;
    // Cut off by `max_tokens`, the text is no JSON: it is kept as it is.
    return { ...block, input: parseExact(this.#inputText) ?? this.#inputText };
  }

  #append(field: string, piece: Json | undefined): void {
    const known = this.#fields.get(field);
    if (typeof piece === 'string') this.#fields.set(field, typeof known === 'string' ? known + piece : piece);
  }

  #cite(citation: Json | undefined): void {
    const known = this.#fields.get('citations');
    if (citation === undefined) return;
    if (Array.isArray(known)) known.push(citation);
    else this.#fields.set('citations', [citation]);
  }
}
