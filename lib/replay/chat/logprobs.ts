import { isObject, type Json, type JsonObject } from '../../json.ts';
import type { TextField } from './shape.ts';

/** Log probabilities with their lists emptied: what a choice opens with, so that lists, nulls and unknown fields accumulate as stored. */
export function emptied(logprobs: JsonObject): JsonObject {
  const { content, refusal } = logprobs;
  return {
    ...logprobs,
    ...(Array.isArray(content) && { content: [] }),
    ...(Array.isArray(refusal) && { refusal: [] }),
  };
}

/** The stored tokens of one text. Each has its `top_logprobs`, without which the ai SDK rejects the chunk. */
export function tokensOf(logprobs: Json | undefined, field: TextField): Json[] {
  const list = isObject(logprobs) ? logprobs[field] : undefined;
  return Array.isArray(list) ? list.map(withTopLogprobs) : [];
}

/** The tokens dealt out to the pieces in which they begin. All are dealt, also where their text is not the message's. */
export function deal(tokens: readonly Json[], pieces: readonly string[]): Json[][] {
  let next = 0;
  let tokensEnd = 0;
  let pieceEnd = 0;
  return pieces.map((piece, position) => {
    const first = next;
    pieceEnd += piece.length;
    for (; next < tokens.length && tokensEnd < pieceEnd; next++) tokensEnd += tokenLength(tokens[next]);
    if (position === pieces.length - 1) next = tokens.length;
    return tokens.slice(first, next);
  });
}

/** One chunk's log probabilities; `null` when no token belongs to it. */
export function part(field: TextField, tokens: Json[]): JsonObject | null {
  return tokens.length > 0 ? { content: null, refusal: null, [field]: tokens } : null;
}

function withTopLogprobs(token: Json): Json {
  if (!isObject(token)) return token;
  const { top_logprobs: top } = token;
  return Array.isArray(top) ? token : { ...token, top_logprobs: [] };
}

function tokenLength(token: Json | undefined): number {
  if (!isObject(token)) return 0;
  const { token: text } = token;
  return typeof text === 'string' ? text.length : 0;
}
