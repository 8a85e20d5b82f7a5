import fc from 'fast-check';
import { isObject, type Json, type JsonObject, parseJson } from '../../lib/json.ts';

const junk: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, '', 0, -1, 1e9, 0.5, true, [], {}, [null], '__proto__'),
  fc.jsonValue({ maxDepth: 2 }).map((value) => parseJson(JSON.stringify(value)) ?? null),
);

/** An object in which some values, however deep, have become others or are gone: what a provider must not be trusted not to send. */
export function anyMangled(objects: fc.Arbitrary<JsonObject>): fc.Arbitrary<JsonObject> {
  const change = fc.record({
    path: fc.array(fc.nat(7), { minLength: 1, maxLength: 8 }),
    value: junk,
    isGone: fc.boolean(),
  });
  return fc.tuple(objects, fc.array(change, { minLength: 1, maxLength: 3 })).map(([object, changes]) => {
    const copy = structuredClone(object);
    for (const { path, value, isGone } of changes) mangle(copy, path, isGone ? undefined : structuredClone(value));
    return copy;
  });
}

function mangle(holder: JsonObject | Json[], [step = 0, ...path]: readonly number[], value: Json | undefined): void {
  const keys = Object.keys(holder);
  const key = keys[step % Math.max(1, keys.length)];
  if (key === undefined) return;
  const inner = Array.isArray(holder) ? holder[Number(key)] : holder[key];
  if (path.length > 0 && (isObject(inner) || Array.isArray(inner))) mangle(inner, path, value);
  else if (Array.isArray(holder)) holder.splice(Number(key), 1, ...(value === undefined ? [] : [value]));
  else holder[key] = value;
}
