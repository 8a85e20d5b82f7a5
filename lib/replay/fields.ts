import { type Json, type JsonObject, numberOf } from '../json.ts';

/** An object being gathered. A map, as a provider's field may be called `__proto__`. */
export type Fields = Map<string, Json>;

type Value = JsonObject[string];

/** The latest value that says something: providers repeat fields, and empty them in later chunks. */
export function keep(fields: Fields, name: string, value: Value): void {
  if (value === undefined) return;
  if (fields.has(name) && isBlank(value)) return;
  fields.set(name, value);
}

/** The first value that says something, a time of 0 being none. */
export function keepFirst(fields: Fields, name: string, value: Value): void {
  const known = fields.get(name);
  if (!known || numberOf(known) === 0) keep(fields, name, value);
}

/** A delta's fields added: texts are concatenated, lists extended, everything else kept as the latest. */
export function gather(fields: Fields, delta: JsonObject, texts: ReadonlySet<string>): void {
  for (const [name, value] of Object.entries(delta)) {
    const known = fields.get(name);
    if (Array.isArray(known) && Array.isArray(value)) for (const item of value) known.push(item);
    else if (texts.has(name) && typeof known === 'string' && typeof value === 'string') fields.set(name, known + value);
    else keep(fields, name, value);
  }
}

/** The gathered object under its name, or nothing when no chunk had it. */
export function built(name: string, fields: Fields): JsonObject {
  return fields.size > 0 ? { [name]: Object.fromEntries(fields) } : {};
}

function isBlank(value: Value): boolean {
  return value === undefined || value === null || value === '';
}
