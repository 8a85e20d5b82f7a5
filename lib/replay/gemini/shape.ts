import { isObject, type JsonObject } from '../../json.ts';

/** Whether this is a GenerateContentResponse. Without candidates it tells of a blocked prompt, or of nothing but tokens spent. */
export function isResponse({ candidates, promptFeedback, usageMetadata, error }: JsonObject): boolean {
  return !isObject(error) && (Array.isArray(candidates) || isObject(promptFeedback) || isObject(usageMetadata));
}
