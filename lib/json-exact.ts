import { type Json, parseJson } from './json.ts';

/** The length of the shortest number that JavaScript may write otherwise, with what stands around it: `:-0,`. */
const SHORTEST = 4;
/** Characters of a text that is searched as a whole, before it is asked which of them are in strings. */
const SHORT = 1_024;

/**
 * A number that JavaScript may write otherwise. It surely does not where a number has no more than 15 digits, no exponent,
 * no zero at the end of a fraction, no `-0`, and is not less than a millionth.
 */
const SUSPECT = /(?:^|[[:,\s])(?:-0(?![.\d])|-?(?:\d[\d.]{15}|\d[\d.]*[eE]|\d+\.\d*0(?!\d)|0\.000000))/;
const NUMBER = /-?\d[\d.eE+-]*/g;

const QUOTE = '"';
const BACKSLASH = 0x5c;

/**
 * As {@link parseJson}, with every number kept as it is spelled: one that JavaScript would write otherwise
 * (`9007199254740993`, `1e400`, `1.0`, `-0`) becomes a `SpelledNumber`, any other stays what it is.
 * @throws RangeError where the text has such a number and is nested too deeply (some thousand levels)
 */
export function parseExact(text: string): Json | undefined {
  const json = parseJson(text);
  // To have each number's source costs ten times as much: for the few texts that need it.
  if (json === undefined || !hasUnkept(text)) return json;
  const exact: Json = JSON.parse(text, spelled);
  return exact;
}

function spelled(_key: string, value: Json, context?: { source?: string }): Json {
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined || isKept(source)) return value;
  return JSON.rawJSON?.(source) ?? value;
}

/** Whether JavaScript writes a number as it reads it. */
function isKept(source: string): boolean {
  return String(Number(source)) === source;
}

/** Whether valid JSON has a number that JavaScript would write otherwise. Strings, most of a completion, are leapt over. */
function hasUnkept(json: string): boolean {
  if (json.length < SHORT && !SUSPECT.test(json)) return false;
  for (let at = 0; ; ) {
    const quote = json.indexOf(QUOTE, at);
    const end = quote === -1 ? json.length : quote;
    if (end - at >= SHORTEST || quote === -1) {
      const between = json.slice(at, end);
      if (SUSPECT.test(between) && between.match(NUMBER)?.every(isKept) === false) return true;
    }
    if (quote === -1) return false;
    at = behindString(json, quote);
  }
}

/** The offset behind the string of valid JSON whose first quote is at `start`. */
function behindString(json: string, start: number): number {
  for (let at = json.indexOf(QUOTE, start + 1); ; at = json.indexOf(QUOTE, at + 1)) {
    let slashes = 0;
    while (json.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++;
    // Those of an even number escape each other.
    if (slashes % 2 === 0) return at + 1;
  }
}
