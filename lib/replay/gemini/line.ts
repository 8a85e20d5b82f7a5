import type { JsonObject } from '../../json.ts';

/** What Python's `splitlines`, by which Google's Python client reads, takes for a line's end and JSON does not escape. */
const LINE_ENDS = /[\u0085\u2028\u2029]/g;

/** An object as JSON on a single line, whatever the reader takes for one. */
export function jsonLine(value: JsonObject): string {
  return JSON.stringify(value).replace(LINE_ENDS, (end) => `\\u${end.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
