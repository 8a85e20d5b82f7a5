import { nanoid } from 'nanoid';
import { isObject, type Json, type JsonObject, parseJson, type SpelledNumber } from './json.ts';

/** The length of the shortest number that JavaScript may write otherwise, with what stands around it: `:-0,`. */
const SHORTEST = 4;
/** Characters of a text that is searched as a whole, before it is asked which of them are in strings. */
const SHORT = 1_024;

/**
 * A number that JavaScript may write otherwise. It surely does not where a number has no more than 15 digits, no exponent,
 * no zero at the end of a fraction, no `-0`, and is not less than a millionth.
 */
const SUSPECT = /(?:^|[[:,\s])(?:-0(?![.\d])|-?(?:\d[\d.]{15}|\d[\d.]*[eE]|\d+\.\d*0(?!\d)|0\.000000))/;
/** Any number but those of one digit, which are written as they are read. */
const NUMBER = /-\d[\d.eE+-]*|\d[\d.eE+-]+/g;

/** 48 bits: enough for what lives as long as a text is parsed, and short, as there may be millions of them. */
const MARK_LENGTH = 8;

const QUOTE = '"';
const BACKSLASH = 0x5c;

/**
 * As {@link parseJson}, with every number kept as it is spelled: one that JavaScript would write otherwise
 * (`9007199254740993`, `1e400`, `1.0`, `-0`) becomes a `SpelledNumber`, any other stays what it is.
 */
export function parseExact(text: string): Json | undefined {
  const json = parseJson(text);
  if (json === undefined || JSON.rawJSON === undefined) return json;
  // Not to be foreseen, so that no string of the text is taken for one of ours.
  const mark = nanoid(MARK_LENGTH);
  const marked = withMarks(text, mark);
  // Not by a reviver with each number's source: that takes ten times as long and as much memory, and recurses.
  return marked === null ? json : withoutMarks(parseJson(marked) ?? null, mark, JSON.rawJSON);
}

/**
 * Valid JSON with a marked string in place of each number that JavaScript would write otherwise; `null` where there is
 * none. Strings, most of a completion, are leapt over.
 */
function withMarks(json: string, mark: string): string | null {
  if (json.length < SHORT && !SUSPECT.test(json)) return null;
  const parts: string[] = [];
  let taken = 0;
  for (let at = 0; ; ) {
    const quote = json.indexOf(QUOTE, at);
    const end = quote === -1 ? json.length : quote;
    if (end - at >= SHORTEST || quote === -1) {
      const between = json.slice(at, end);
      const replaced = SUSPECT.test(between) ? between.replace(NUMBER, (number) => marked(number, mark)) : between;
      if (replaced !== between) {
        parts.push(json.slice(taken, at), replaced);
        taken = end;
      }
    }
    if (quote === -1) return parts.length === 0 ? null : parts.join('') + json.slice(taken);
    at = behindString(json, quote);
  }
}

function marked(number: string, mark: string): string {
  return String(Number(number)) === number ? number : `"${mark}${number}"`;
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

/** The value with its marked strings as the numbers that they are. Without recursion: JSON may be nested deeper than the stack. */
function withoutMarks(value: Json, mark: string, spell: (source: string) => SpelledNumber): Json {
  const numbers = new Map<string, SpelledNumber>();
  const numberIn = (item: Json | undefined): SpelledNumber | null => {
    if (typeof item !== 'string' || !item.startsWith(mark)) return null;
    const number = numbers.get(item) ?? spell(item.slice(mark.length));
    numbers.set(item, number);
    return number;
  };
  const open: (Json[] | JsonObject)[] = [];
  const enter = (item: Json | undefined) => {
    if (isObject(item) || Array.isArray(item)) open.push(item);
  };
  enter(value);
  for (let holder = open.pop(); holder !== undefined; holder = open.pop()) {
    if (Array.isArray(holder)) {
      for (const [index, item] of holder.entries()) {
        const number = numberIn(item);
        if (number === null) enter(item);
        else holder[index] = number;
      }
    } else {
      for (const name of Object.keys(holder)) {
        const number = numberIn(holder[name]);
        if (number === null) enter(holder[name]);
        // Not assigned, which to a member called `__proto__` would be something else.
        else
          Object.defineProperty(holder, name, { value: number, writable: true, enumerable: true, configurable: true });
      }
    }
  }
  return numberIn(value) ?? value;
}
