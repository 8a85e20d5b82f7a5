import { isNumber, isObject, type Json, type JsonObject } from '../../json.ts';

/** What `message_delta` tells of usage (`MessageDeltaUsage`, `BetaMessageDeltaUsage`); all else is in `message_start` alone. */
const FINAL: ReadonlySet<string> = new Set([
  'input_tokens',
  'cache_creation_input_tokens',
  'cache_read_input_tokens',
  'output_tokens',
  'output_tokens_details',
  'server_tool_use',
  'iterations',
  'fallback_credit',
]);

/**
 * Stored usage with the two counts that clients compute with: without them the ai SDK rejects the event, and without an
 * object Anthropic's client fails.
 */
export function counted(usage: Json | undefined): JsonObject {
  const known = isObject(usage) ? usage : {};
  const { input_tokens, output_tokens } = known;
  return { ...known, input_tokens: count(input_tokens), output_tokens: count(output_tokens) };
}

/**
 * Usage in `message_start`: as stored, but that nothing has been put out yet, for readers that add the two events up.
 * Details that the event at the end repeats are here too, as some clients do not take all of them from there.
 */
export function openingUsage(usage: JsonObject): JsonObject {
  const { output_tokens_details } = usage;
  return { ...usage, output_tokens: 0, ...(output_tokens_details !== undefined && { output_tokens_details: null }) };
}

/** Usage in `message_delta`: totals of the whole message, which clients put in place of the earlier ones. */
export function finalUsage(usage: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(usage).filter(([name]) => FINAL.has(name)));
}

function count(value: Json | undefined): Json {
  return isNumber(value) ? value : 0;
}
