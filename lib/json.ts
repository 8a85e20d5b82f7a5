/** JSON as a closed type, so that parsed input is narrowed and never trusted. */
export type Json = string | number | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json | undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The parsed text, or `undefined` when it is not JSON: for input whose shape is not ours to demand. */
export function parseJson(text: string): Json | undefined {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

/** As {@link parseJson}, for bytes that should hold one JSON object in UTF-8. */
export function parseJsonObject(bytes: Uint8Array): JsonObject | undefined {
  const value = parseJson(new TextDecoder().decode(bytes));
  return isObject(value) ? value : undefined;
}
