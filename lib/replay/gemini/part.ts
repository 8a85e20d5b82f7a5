import type { Json, JsonObject } from '../../json.ts';
import { splitText } from '../split.ts';

/** A part of text, of thought or of the answer. */
export interface TextPart extends JsonObject {
  readonly text: string;
  readonly thought?: boolean;
}

export function isText(part: JsonObject): part is TextPart {
  const { text, thought } = part;
  return typeof text === 'string' && (thought === undefined || typeof thought === 'boolean');
}

/** Whether a part is text and nothing else, so that the text after it may belong to it. */
export function isBare(part: JsonObject): boolean {
  return isText(part) && Object.keys(part).every((name) => name === 'text' || name === 'thought');
}

/**
 * A stored part as the parts of successive frames: text in pieces, its signature and all else with the last of them;
 * other parts whole.
 */
export function partPieces(part: JsonObject, pieceLength: number): JsonObject[] {
  if (!isText(part)) return [part];
  const { text, thought } = part;
  const pieces = splitText(text, pieceLength);
  const last = pieces.pop() ?? '';
  return [...pieces.map((piece) => ({ text: piece, ...kind(thought) })), { ...part, text: last }];
}

function kind(thought: Json | undefined): JsonObject {
  return thought === undefined ? {} : { thought };
}
