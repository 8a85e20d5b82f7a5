import { TRAIT, traitsOf } from './traits.ts';

/** What a position is good for, the better the higher. `NONE`: not to be cut, or not to be told from the characters around it. */
export const BOUND = { NONE: 0, CLUSTER: 1, WORD: 2, SPACE: 3, SENTENCE: 4 } as const;
export type Bound = (typeof BOUND)[keyof typeof BOUND];

/** How far a bound is looked for in white space, and in closing marks, before a position. */
const LOOK_BACK = 32;
/** Marks that may stand between a full stop and the letter that shows whether it ends a sentence. */
const LOOK_AHEAD = 8;

const FULL_STOP = 0x2e;
const LETTER = /^\p{L}$/u;
const LOWER = /^\p{Ll}$/u;

/** The bound at a position, told from the characters around it; `start` is the cut before it. */
export function boundAt(text: string, start: number, at: number): Bound {
  if (at >= text.length) return BOUND.SENTENCE;
  const before = traitsBefore(text, at);
  const after = traitsOf(text.codePointAt(at) ?? 0);
  if (!isBetweenClusters(text, at, before, after)) return BOUND.NONE;
  const isSpaceBefore = (before & TRAIT.SPACE) !== 0;
  if ((after & TRAIT.SPACE) !== 0) return isSpaceBefore ? BOUND.CLUSTER : BOUND.WORD;
  if (isSpaceBefore) return endsSentence(text, start, at, after) ? BOUND.SENTENCE : BOUND.SPACE;
  return boundWithoutSpace(text, start, at, before, after);
}

/** Whether more than a word can end after a code unit. */
export function isBetterAfter(unit: number): boolean {
  return (traitsOf(unit) & (TRAIT.SPACE | TRAIT.WIDE_END | TRAIT.PAUSE | TRAIT.CLOSE)) !== 0;
}

/** Whether white space begins at a position. */
export function isSpaceAt(text: string, at: number): boolean {
  return at < text.length && (traitsOf(text.charCodeAt(at)) & TRAIT.SPACE) !== 0;
}

/** Whether the characters on both sides of a position are of a script whose words only a dictionary tells. */
export function isWithinUnspaced(text: string, at: number): boolean {
  return (traitsOf(text.charCodeAt(at - 1)) & traitsOf(text.charCodeAt(at)) & TRAIT.UNSPACED) !== 0;
}

/** Certain where it says yes; where it says no, only a segmenter knows. */
function isBetweenClusters(text: string, at: number, before: number, after: number): boolean {
  const unit = text.charCodeAt(at);
  if ((before & after & TRAIT.PLAIN) !== 0) return !isInPair(text, at, unit);
  if (((before | after) & TRAIT.CONTROL) === 0 || isInPair(text, at, unit)) return false;
  return unit !== 0x0a || text.charCodeAt(at - 1) !== 0x0d;
}

function isInPair(text: string, at: number, unit: number): boolean {
  return (unit & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
}

function traitsBefore(text: string, at: number): number {
  const unit = text.charCodeAt(at - 1);
  const isLow = (unit & 0xfc00) === 0xdc00 && at >= 2;
  const pair = isLow ? (text.codePointAt(at - 2) ?? 0) : 0;
  return traitsOf(pair > 0xffff ? pair : unit);
}

/** Whether the white space that ends here follows the end of a sentence, or has a line end in it (UAX #29, SB4 to SB11). */
function endsSentence(text: string, start: number, at: number, after: number): boolean {
  const limit = Math.max(start, at - LOOK_BACK);
  let end = at;
  for (; end > limit && isSpaceAt(text, end - 1); end--) {
    if ((traitsOf(text.charCodeAt(end - 1)) & TRAIT.CONTROL) !== 0 && text.charCodeAt(end - 1) !== 0x09) return true;
  }
  if ((after & (TRAIT.MIDDLE | TRAIT.END)) !== 0) return false;
  while (end > limit && (traitsOf(text.charCodeAt(end - 1)) & TRAIT.CLOSE) !== 0) end--;
  if (end <= limit) return false;
  const mark = text.charCodeAt(end - 1);
  if (mark === FULL_STOP) return isBeforeCapital(text, at);
  return (traitsOf(mark) & (TRAIT.END | TRAIT.WIDE_END)) !== 0;
}

/** After `e.g. ` goes on what began before, as it does before anything but a letter that is no small one. */
function isBeforeCapital(text: string, at: number): boolean {
  for (let next = at; next < at + LOOK_AHEAD && next < text.length; next++) {
    const character = String.fromCodePoint(text.codePointAt(next) ?? 0);
    if (LETTER.test(character)) return !LOWER.test(character);
  }
  return false;
}

function boundWithoutSpace(text: string, start: number, at: number, before: number, after: number): Bound {
  if (((before | after) & (TRAIT.WIDE_END | TRAIT.PAUSE)) !== 0) {
    if ((after & (TRAIT.WIDE_END | TRAIT.PAUSE | TRAIT.CLOSE | TRAIT.MIDDLE)) !== 0) return BOUND.CLUSTER;
    let end = at;
    while (end > start && (traitsOf(text.charCodeAt(end - 1)) & TRAIT.CLOSE) !== 0) end--;
    if (end > start && (traitsOf(text.charCodeAt(end - 1)) & TRAIT.WIDE_END) !== 0) return BOUND.SENTENCE;
    return BOUND.SPACE;
  }
  return isBetweenWords(before, after) ? BOUND.WORD : BOUND.CLUSTER;
}

function isBetweenWords(before: number, after: number): boolean {
  if ((before & after & TRAIT.WORD) !== 0) return ((before ^ after) & TRAIT.UNSPACED) !== 0;
  return ((before | after) & TRAIT.MIDDLE) === 0;
}
