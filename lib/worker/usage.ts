import { isObject, type JsonObject } from '../json.ts';

/**
 * What a provider's JSON says of tokens, in its own words: `usage` (OpenAI, Anthropic and those like them), in a
 * streamed Responses or Messages event one level down, or Gemini's `usageMetadata`.
 */
export function usageIn(json: JsonObject): JsonObject | null {
  const response = isObject(json['response']) ? json['response'] : null;
  const message = isObject(json['message']) ? json['message'] : null;
  const found = json['usage'] ?? json['usageMetadata'] ?? response?.['usage'] ?? message?.['usage'];
  return isObject(found) ? found : null;
}

/** Later counts replace earlier ones of the same name: Anthropic's stream gives the input first, the output last. */
export function mergeUsage(earlier: JsonObject | null, later: JsonObject | null): JsonObject | null {
  return later === null ? earlier : { ...earlier, ...later };
}
