import { isObject, type JsonObject } from '../../json.ts';
import { objectsIn } from '../shape.ts';
import { partPieces } from './part.ts';

/** The parts that a candidate needs frames for, one at a time. */
export function partsOf({ content }: JsonObject, pieceLength: number): JsonObject[] {
  if (!isObject(content)) return [];
  return objectsIn(content['parts']).flatMap((part) => partPieces(part, pieceLength));
}

/**
 * A candidate's share in each of `count` frames, its parts spread over them; `null` where it has none. Finish reason,
 * ratings and whatever else it has come with its last parts in the last frame, as Google sends them.
 */
export function shares(candidate: JsonObject, parts: readonly JsonObject[], count: number): (JsonObject | null)[] {
  const { index, content } = candidate;
  const groups = spread(parts, count);
  const last = groups.pop() ?? [];
  const withParts = (group: JsonObject[]) => ({ ...(isObject(content) && content), parts: group });
  return [
    ...groups.map((group) => (group.length === 0 ? null : { content: withParts(group), index })),
    { ...candidate, ...(isObject(content) && Array.isArray(content['parts']) && { content: withParts(last) }) },
  ];
}

/** Puts items in order into so many groups, the last item into the last group. */
function spread<T>(items: readonly T[], count: number): T[][] {
  const groups: T[][] = Array.from({ length: count }, () => []);
  for (const [position, item] of items.entries()) {
    const isLast = position === items.length - 1;
    groups[isLast ? count - 1 : Math.floor((position * count) / items.length)]?.push(item);
  }
  return groups;
}
