import { isObject, type Json, type JsonObject } from '../../../lib/json.ts';

/**
 * Adds up deltas as simple clients do (the Python ones, and many of the applications that read chunks themselves): texts are
 * joined, lists go by their elements' index or are joined, all else is replaced. Whatever comes twice shows.
 */
export function merged(known: Json | undefined, added: Json | undefined): Json | undefined {
  if (added === undefined || added === null) return known ?? added;
  if (typeof known === 'string' && typeof added === 'string') return known + added;
  if (Array.isArray(known) && Array.isArray(added)) return mergedLists(known, added);
  if (isObject(known) && isObject(added)) return mergedObjects(known, added);
  return added;
}

function mergedObjects(known: JsonObject, added: JsonObject): JsonObject {
  const names = new Set([...Object.keys(known), ...Object.keys(added)]);
  return Object.fromEntries(
    [...names].map((name) => [name, name === 'index' ? known[name] : merged(known[name], added[name])]),
  );
}

function mergedLists(known: readonly Json[], added: readonly Json[]): Json[] {
  const list = [...known];
  for (const element of added) {
    const index = isObject(element) ? element['index'] : undefined;
    const place = list.findIndex((other) => isObject(other) && index !== undefined && other['index'] === index);
    if (place === -1) list.push(element);
    else list[place] = merged(list[place], element) ?? null;
  }
  return list;
}
