import { type JsonObject, numberOf } from '../../json.ts';
import type { ReplayEvent, ReplayOptions } from '../format.ts';
import { objectsIn } from '../shape.ts';
import { partsOf, shares } from './candidate.ts';
import { jsonLine } from './line.ts';
import { isResponse } from './shape.ts';

/** A stored GenerateContentResponse as the frames of a stream; `null` when it is none. */
export function replayGemini(response: JsonObject, { pieceLength }: ReplayOptions): ReplayEvent[] | null {
  if (!isResponse(response)) return null;
  return frames(response, pieceLength).map((frame) => ({ data: jsonLine(frame) }));
}

function frames(response: JsonObject, pieceLength: number): JsonObject[] {
  const { responseId, modelVersion, createTime, promptFeedback, candidates, ...rest } = response;
  if (!Array.isArray(candidates)) return [response];
  const head = { responseId, modelVersion, createTime };
  const lists = candidateLists(numbered(objectsIn(candidates)), pieceLength);
  return lists.map((list, position) => ({
    // First, as a client should know of it before it shows anything.
    ...(position === 0 && { promptFeedback }),
    candidates: list,
    ...(position === lists.length - 1 && rest),
    ...head,
  }));
}

/** In index order. Where there are several the place is the index, as stored ones may be missing; one alone stays as it is. */
function numbered(candidates: JsonObject[]): JsonObject[] {
  if (candidates.length < 2) return candidates;
  return candidates
    .sort((one, other) => indexOf(one) - indexOf(other))
    .map((candidate, index) => ({ ...candidate, index }));
}

/**
 * The `candidates` of each frame. The first candidate is in all of them and first, and the others keep its pace: clients
 * read `candidates[0]` of every frame, whatever its index.
 */
function candidateLists(candidates: JsonObject[], pieceLength: number): JsonObject[][] {
  const parts = candidates.map((candidate) => partsOf(candidate, pieceLength));
  const count = Math.max(1, parts[0]?.length ?? 0);
  const rows = candidates.map((candidate, place) => shares(candidate, parts[place] ?? [], count));
  return Array.from({ length: count }, (_, frame) =>
    rows.map((row) => row[frame] ?? null).filter((share) => share !== null),
  );
}

function indexOf({ index }: JsonObject): number {
  return numberOf(index) ?? 0;
}
