import type { JsonObject } from '../../json.ts';
import { contentEvents, summaryEvents } from './parts.ts';
import { withProgress } from './progress.ts';
import { ITEM_TEXTS, textEvents } from './texts.ts';

export type Item = JsonObject & { id: string; type: string };

/** A stored output item as events: added empty, filled, done whole. What has no parts and no text of its own comes whole. */
export function itemEvents(item: Item, output_index: number, pieceLength: number): JsonObject[] {
  const place = { item_id: item.id, output_index };
  const { empty, filling } = opened(item, place, pieceLength);
  return [
    { type: 'response.output_item.added', output_index, item: { ...empty, ...inProgress(item) } },
    ...withProgress(item, place, filling),
    { type: 'response.output_item.done', output_index, item },
  ];
}

interface Opened {
  /** The item as it is before anything of it has come. */
  readonly empty: JsonObject;
  readonly filling: JsonObject[];
}

function opened(item: Item, place: JsonObject, pieceLength: number): Opened {
  const { type, content, summary } = item;
  switch (type) {
    case 'message':
      return { empty: { ...item, content: [] }, filling: contentEvents(content, place, pieceLength) };
    case 'reasoning':
      return {
        empty: { ...item, summary: [], ...(Array.isArray(content) && { content: [] }) },
        filling: [...summaryEvents(summary, place, pieceLength), ...contentEvents(content, place, pieceLength)],
      };
    case 'image_generation_call':
      return { empty: { ...item, result: null }, filling: [] };
    default:
      return openedText(item, place, pieceLength);
  }
}

function openedText(item: Item, place: JsonObject, pieceLength: number): Opened {
  const streamed = ITEM_TEXTS.get(item.type);
  const text = streamed && item[streamed.field];
  if (streamed === undefined || typeof text !== 'string') return { empty: item, filling: [] };
  return { empty: { ...item, [streamed.field]: '' }, filling: textEvents(streamed, text, place, pieceLength) };
}

/** Only for an item that tells a status: a thought may have none. */
function inProgress({ status }: Item): JsonObject {
  return typeof status === 'string' ? { status: 'in_progress' } : {};
}
