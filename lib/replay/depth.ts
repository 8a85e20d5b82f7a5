/**
 * What `write` makes of parsed JSON, or `null` where that is nested too deeply: V8 parses JSON of any depth, but
 * `JSON.stringify` recurses and has only the stack for it (some thousand levels).
 */
export function unlessTooDeep<T>(write: () => T): T | null {
  try {
    return write();
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}
