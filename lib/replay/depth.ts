/**
 * What `make` makes of JSON, or `null` where that is nested too deeply: V8 parses JSON of any depth, but `JSON.stringify`,
 * and reading numbers as they are spelled, recurse and have only the stack for it (some thousand levels).
 */
export function unlessTooDeep<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
