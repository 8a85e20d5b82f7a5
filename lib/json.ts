/** JSON as a closed type, so that parsed input is narrowed and never trusted. */
export type Json = string | number | boolean | null | Json[] | JsonObject | SpelledNumber;
export interface JsonObject {
  [key: string]: Json | undefined;
}

/** A number that is written as it was spelled: see `json-exact.ts`. To be handed on; {@link numberOf} tells its value. */
export interface SpelledNumber {
  readonly rawJSON: string;
}

// https://tc39.es/proposal-json-parse-with-source: in V8 since 11.4, and not yet in the compiler's library. Optional, as
// it is the platform that chooses the runtime of an edge function.
declare global {
  interface JSON {
    rawJSON?(text: string): SpelledNumber;
    isRawJSON?(value: unknown): value is SpelledNumber;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && JSON.isRawJSON?.(value) !== true;
}

/** The value of a number, however it is spelled; `undefined` where there is none. */
export function numberOf(value: Json | undefined): number | undefined {
  if (typeof value === 'number') return value;
  return isSpelled(value) ? Number(value.rawJSON) : undefined;
}

/** Whether this is a number, however it is spelled. */
export function isNumber(value: Json | undefined): value is number | SpelledNumber {
  return typeof value === 'number' || isSpelled(value);
}

function isSpelled(value: Json | undefined): value is SpelledNumber {
  return JSON.isRawJSON?.(value) === true;
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
