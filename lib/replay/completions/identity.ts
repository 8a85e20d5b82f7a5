import type { JsonObject } from '../../json.ts';
import { identity } from '../chat/shape.ts';
import { filled } from '../shape.ts';

/** What clients demand of a chunk and of a completion, also where a provider left it out. */
export function completionIdentity(fields: JsonObject) {
  return { ...identity(fields), id: filled(fields['id']) ?? 'cmpl-unknown', object: 'text_completion' };
}
