import type { Json, JsonObject } from '../../json.ts';
import { deal, tokensOf } from '../chat/logprobs.ts';
import { objectsIn } from '../shape.ts';
import { splitText } from '../split.ts';
import { PART_TEXTS, SUMMARY_TEXT, textEvents } from './texts.ts';

/** The parts of a message's, or of a thought's, content. */
export function contentEvents(content: Json | undefined, place: JsonObject, pieceLength: number): JsonObject[] {
  return objectsIn(content).flatMap((part, content_index) =>
    partEvents(part, { ...place, content_index }, pieceLength),
  );
}

/** The parts of a thought's summary. */
export function summaryEvents(summary: Json | undefined, place: JsonObject, pieceLength: number): JsonObject[] {
  return objectsIn(summary).flatMap((part, summary_index) => {
    const at = { ...place, summary_index };
    const { text } = part;
    const isText = typeof text === 'string';
    return [
      { type: 'response.reasoning_summary_part.added', ...at, part: isText ? { ...part, text: '' } : part },
      ...(isText ? textEvents(SUMMARY_TEXT, text, at, pieceLength) : []),
      { type: 'response.reasoning_summary_part.done', ...at, part },
    ];
  });
}

function partEvents(part: JsonObject, place: JsonObject, pieceLength: number): JsonObject[] {
  const { type } = part;
  const streamed = typeof type === 'string' ? PART_TEXTS.get(type) : undefined;
  const text = streamed && part[streamed.field];
  const done = { type: 'response.content_part.done', ...place, part };
  // What has no text goes whole.
  if (streamed === undefined || typeof text !== 'string')
    return [{ type: 'response.content_part.added', ...place, part }, done];
  if (type === 'output_text') return [...outputTextEvents(part, text, place, pieceLength), done];
  return [
    { type: 'response.content_part.added', ...place, part: { ...part, [streamed.field]: '' } },
    ...textEvents(streamed, text, place, pieceLength),
    done,
  ];
}

/** Each delta with the tokens that begin in it; then the annotations, which point into the text. */
function outputTextEvents(part: JsonObject, text: string, place: JsonObject, pieceLength: number): JsonObject[] {
  const { annotations, logprobs } = part;
  const pieces = splitText(text, pieceLength);
  const tokens = tokensOf({ content: logprobs }, 'content');
  const shares = deal(tokens, pieces);
  const empty = { ...part, text: '', annotations: [], ...(Array.isArray(logprobs) && { logprobs: [] }) };
  return [
    { type: 'response.content_part.added', ...place, part: empty },
    ...pieces.map((delta, position) => ({
      type: 'response.output_text.delta',
      ...place,
      delta,
      logprobs: shares[position] ?? [],
    })),
    ...objectsIn(annotations).map((annotation, annotation_index) => ({
      type: 'response.output_text.annotation.added',
      ...place,
      annotation_index,
      annotation,
    })),
    { type: 'response.output_text.done', ...place, text, logprobs: tokens },
  ];
}
