import { isObject, type Json, type JsonObject, numberOf } from '../../json.ts';
import { parseExact } from '../../json-exact.ts';
import type { ReplayEvent } from '../format.ts';
import { objectsIn } from '../shape.ts';
import { Block } from './collect-block.ts';
import { counted } from './usage.ts';

/** A stream's events gathered into the message that they spell; `null` when none began or when it failed on the way. */
export function collectMessages(events: readonly ReplayEvent[]): JsonObject | null {
  const message = new Message();
  for (const { event: name, data } of events) {
    const event = parseExact(data);
    if (!isObject(event)) continue;
    const { type = name } = event;
    if (type === 'error') return null;
    message.add(type, event);
  }
  return message.build();
}

class Message {
  readonly #fields = new Map<string, Json>();
  readonly #usage = new Map<string, Json>();
  readonly #blocks: Block[] = [];
  readonly #blockAt = new Map<Json | undefined, Block>();
  #hasBegun = false;

  add(type: Json | undefined, event: JsonObject): void {
    const { message, index, content_block, delta } = event;
    if (type === 'message_start' && isObject(message)) this.#begin(message);
    else if (type === 'content_block_start' && isObject(content_block)) this.#open(index, content_block);
    else if (type === 'content_block_delta' && isObject(delta)) this.#blockAt.get(placeOf(index))?.add(delta);
    else if (type === 'message_delta') this.#close(event);
  }

  build(): JsonObject | null {
    if (!this.#hasBegun) return null;
    return {
      type: 'message',
      role: 'assistant',
      ...Object.fromEntries(this.#fields),
      content: this.#blocks.map((block) => block.build()),
      usage: counted(Object.fromEntries(this.#usage)),
    };
  }

  #begin({ content, usage, ...fields }: JsonObject): void {
    // Some providers repeat it, and clients go by the first.
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    update(this.#fields, fields);
    if (isObject(usage)) update(this.#usage, usage);
    for (const block of objectsIn(content)) this.#blocks.push(new Block(block));
  }

  /** Blocks are in the order in which they began, whatever their index: so do the official clients. */
  #open(index: Json | undefined, start: JsonObject): void {
    const block = new Block(start);
    this.#blocks.push(block);
    this.#blockAt.set(placeOf(index), block);
  }

  #close({ type: _, delta, usage, ...fields }: JsonObject): void {
    update(this.#fields, fields);
    if (isObject(delta)) update(this.#fields, delta);
    if (isObject(usage)) update(this.#usage, usage);
  }
}

/** What tells a block by its index: one number may be spelled in several ways. */
function placeOf(index: Json | undefined): Json | undefined {
  return numberOf(index) ?? index;
}

/** Takes over what is told; a null says only that there is nothing to tell. */
function update(fields: Map<string, Json>, told: JsonObject): void {
  for (const [name, value] of Object.entries(told)) {
    if (value === undefined || (value === null && fields.has(name))) continue;
    fields.set(name, value);
  }
}
