import { isObject, type Json, type JsonObject, numberOf } from '../../json.ts';
import { progressIn } from './progress.ts';
import { ITEM_TEXTS, PART_TEXTS, SUMMARY_TEXT } from './texts.ts';

type Value = Json | undefined;

interface Place {
  /** The list of the item in which the text's part is; `null`: the text is the item's own. */
  readonly list: 'content' | 'summary' | null;
  readonly field: string;
}

const PLACES: ReadonlyMap<string, Place> = new Map([
  ...[...ITEM_TEXTS.values()].map(({ event, field }): [string, Place] => [event, { list: null, field }]),
  ...[...PART_TEXTS.values()].map(({ event, field }): [string, Place] => [event, { list: 'content', field }]),
  [SUMMARY_TEXT.event, { list: 'summary', field: SUMMARY_TEXT.field }],
]);

/** The output items of a stream being gathered. An event that does not fit what came before adds nothing. */
export class Output {
  #items = new Map<number, JsonObject>();

  /** The items that an event tells whole. An empty list says nothing: some servers end with one. */
  replace(output: Value): void {
    if (!Array.isArray(output) || output.length === 0) return;
    this.#items = new Map(output.filter(isObject).entries());
  }

  add(type: string, event: JsonObject): void {
    const { output_index, content_index, summary_index, annotation_index, item, part, annotation } = event;
    switch (type) {
      case 'response.output_item.added':
      case 'response.output_item.done':
        this.#set(numberOf(output_index), item);
        break;
      case 'response.content_part.added':
      case 'response.content_part.done':
        put(this.#item(event), 'content', content_index, part);
        break;
      case 'response.reasoning_summary_part.added':
      case 'response.reasoning_summary_part.done':
        put(this.#item(event), 'summary', summary_index, part);
        break;
      case 'response.output_text.annotation.added':
        put(partOf(this.#item(event), 'content', event), 'annotations', annotation_index, annotation);
        break;
      default:
        this.#addText(type, event);
        this.#addProgress(type, event);
    }
  }

  build(): JsonObject[] {
    return [...this.#items].sort(([one], [other]) => one - other).map(([, item]) => item);
  }

  #addText(type: string, event: JsonObject): void {
    const [, name = '', end] = /^(.*)\.(delta|done)$/.exec(type) ?? [];
    const place = PLACES.get(name);
    if (place === undefined) return;
    const holder = place.list === null ? this.#item(event) : partOf(this.#item(event), place.list, event);
    const told = event[end === 'delta' ? 'delta' : place.field];
    if (holder === undefined || typeof told !== 'string') return;
    const known = holder[place.field];
    holder[place.field] = end === 'delta' && typeof known === 'string' ? known + told : told;
    if (end === 'delta') addLogprobs(holder, event['logprobs']);
  }

  #set(index: number | undefined, item: Value): void {
    if (index !== undefined && isObject(item)) this.#items.set(index, item);
  }

  /** Only for an item that tells a status: a list of tools has none. */
  #addProgress(type: string, event: JsonObject): void {
    const progress = progressIn(type);
    const item = this.#item(event);
    if (progress !== null && item?.['type'] === progress.type && 'status' in item) item['status'] = progress.state;
  }

  #item({ output_index }: JsonObject): JsonObject | undefined {
    const index = numberOf(output_index);
    return index === undefined ? undefined : this.#items.get(index);
  }
}

function partOf(item: JsonObject | undefined, list: 'content' | 'summary', event: JsonObject): JsonObject | undefined {
  const parts = item?.[list];
  const index = numberOf(event[list === 'content' ? 'content_index' : 'summary_index']);
  const part = Array.isArray(parts) && index !== undefined ? parts[index] : undefined;
  return isObject(part) ? part : undefined;
}

/** Sets an element of a list, or appends it. */
function put(holder: JsonObject | undefined, name: string, place: Value, element: Value): void {
  const index = numberOf(place);
  if (holder === undefined || index === undefined || element === undefined) return;
  const known = holder[name];
  const list = Array.isArray(known) ? known : [];
  if (index < 0 || index > list.length || !Number.isInteger(index)) return;
  list[index] = element;
  holder[name] = list;
}

function addLogprobs(part: JsonObject, logprobs: Value): void {
  if (!Array.isArray(logprobs) || logprobs.length === 0) return;
  const { logprobs: known } = part;
  if (Array.isArray(known)) for (const token of logprobs) known.push(token);
  else part['logprobs'] = logprobs;
}
