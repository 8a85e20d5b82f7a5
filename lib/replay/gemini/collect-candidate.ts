import { isObject, type JsonObject } from '../../json.ts';
import { built, type Fields, keep } from '../fields.ts';
import { objectsIn } from '../shape.ts';
import { isBare, isText } from './part.ts';

/** One candidate of a stream being gathered. */
export class Candidate {
  readonly #fields: Fields = new Map();
  readonly #content: Fields = new Map();
  readonly #parts: JsonObject[] = [];

  add({ content, ...fields }: JsonObject): void {
    for (const [name, value] of Object.entries(fields)) keep(this.#fields, name, value);
    if (isObject(content)) this.#addContent(content);
    else keep(this.#fields, 'content', content);
  }

  build(): JsonObject {
    return { ...Object.fromEntries(this.#fields), ...built('content', this.#content) };
  }

  #addContent({ parts, ...fields }: JsonObject): void {
    // An empty object has no field to keep, and is an answer all the same.
    if (!this.#fields.has('content')) this.#fields.set('content', {});
    for (const [name, value] of Object.entries(fields)) keep(this.#content, name, value);
    keep(this.#content, 'parts', Array.isArray(parts) ? this.#parts : parts);
    for (const part of objectsIn(parts)) this.#addPart(part);
  }

  /**
   * Text goes on with the part before it, if that is text of the same kind and nothing has closed it: a signature stands
   * at the end of what it signs.
   */
  #addPart(part: JsonObject): void {
    const before = this.#parts.at(-1);
    const isSame = before !== undefined && before['thought'] === part['thought'];
    if (isSame && isText(before) && isText(part) && isBare(before))
      this.#parts[this.#parts.length - 1] = { ...part, text: before.text + part.text };
    else this.#parts.push(part);
  }
}
