import { isNumber, isObject, type Json, type JsonObject } from '../../json.ts';
import { filled } from '../shape.ts';

/** The message's text fields that every client accumulates over deltas. */
export type TextField = 'content' | 'refusal';

/** Thinking, under the two names in use; it comes before the answer. */
export const REASONING_FIELDS: ReadonlySet<string> = new Set(['reasoning_content', 'reasoning']);

/** What clients demand of a chunk and of a completion, also where a provider left it out: constants, so that a replay repeats. */
export function identity(fields: JsonObject) {
  const { id, created, model } = fields;
  return {
    id: filled(id) ?? 'chatcmpl-unknown',
    created: isNumber(created) ? created : 0,
    model: filled(model) ?? 'unknown',
  };
}

/** The text of a message's content, which some gateways send as parts; `null` where there is none. */
export function textOf(content: Json | undefined): string | null {
  if (typeof content === 'string') return content;
  return Array.isArray(content) ? content.map(partText).join('') : null;
}

function partText(part: Json): string {
  if (!isObject(part)) return typeof part === 'string' ? part : '';
  const { text } = part;
  return typeof text === 'string' ? text : '';
}
