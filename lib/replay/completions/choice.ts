import { isObject, type Json, type JsonObject } from '../../json.ts';
import { deal } from '../chat/logprobs.ts';
import { splitText } from '../split.ts';

export type TextChoice = JsonObject & { text: string };

/** A stored choice as the choice objects of successive chunks: its text in pieces, then why it ended. */
export function choiceFrames(choice: TextChoice, index: number, pieceLength: number): JsonObject[] {
  const { index: _, text, logprobs, finish_reason, ...unknown } = choice;
  const pieces = splitText(text, pieceLength);
  const shares = logprobShares(logprobs, pieces);
  return [...pieces, ''].map((piece, position) => ({
    ...(position === 0 && unknown),
    text: piece,
    index,
    ...(logprobs !== undefined && { logprobs: shares[position] ?? null }),
    finish_reason: position === pieces.length ? (finish_reason ?? 'stop') : null,
  }));
}

/** Each piece's part of the lists that run along with the tokens; what else there is goes with the first. */
function logprobShares(logprobs: Json | undefined, pieces: readonly string[]): (JsonObject | null)[] {
  if (!isObject(logprobs)) return [];
  const { tokens } = logprobs;
  if (!Array.isArray(tokens) || pieces.length === 0) return [logprobs];
  const lists = Object.entries(logprobs).flatMap(([name, list]) =>
    Array.isArray(list) && list.length === tokens.length ? [{ name, list }] : [],
  );
  let from = 0;
  return deal(
    tokens.map((token) => ({ token })),
    pieces,
  ).map((share, position) => {
    const to = from + share.length;
    const part = Object.fromEntries(lists.map(({ name, list }) => [name, list.slice(from, to)]));
    from = to;
    if (position === 0) return { ...logprobs, ...part };
    return share.length > 0 ? part : null;
  });
}
