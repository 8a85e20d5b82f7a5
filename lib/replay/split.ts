import { BOUND, type Bound, boundAt, isBetterAfter, isSpaceAt, isWithinUnspaced } from './split/bounds.ts';
import { isInEscape } from './split/escapes.ts';
import { Segments } from './split/segments.ts';

/** How much longer a piece may get by the white space after it, beyond twice its target: no run of spaces makes a piece endless. */
const SPACE_ALLOWANCE = 16;

/** Units of a text that are searched for words of a dictionary, at up to 0.5 µs each. Beyond, such scripts are cut between characters. */
const DICTIONARY_BUDGET = 65_536;

/**
 * Cuts a text into pieces of about `target` UTF-16 units: at a sentence's end if one is near, else after white space or a
 * pause, else at a word bound; never inside a grapheme cluster, nor inside what in JSON is an escape. The pieces joined are
 * the text; the same text gives the same pieces.
 */
export function splitText(text: string, target: number): string[] {
  const length = target >= 1 ? Math.trunc(target) : 1;
  const splitter = new Splitter(text, length);
  const pieces: string[] = [];
  for (let start = 0; start < text.length; ) {
    const end = text.length - start <= length ? text.length : splitter.cutAfter(start);
    pieces.push(text.slice(start, end));
    start = end;
  }
  return pieces;
}

class Splitter {
  readonly #text: string;
  readonly #length: number;
  readonly #radius: number;
  readonly #words: Segments;
  readonly #clusters: Segments;

  constructor(text: string, length: number) {
    this.#text = text;
    this.#length = length;
    this.#radius = Math.trunc(length / 2);
    this.#words = new Segments(text, 'word');
    this.#clusters = new Segments(text, 'grapheme');
  }

  /** The end of the piece that begins at `start`. */
  cutAfter(start: number): number {
    const ideal = start + this.#length;
    const [bound, near] = this.#nearest(start, ideal);
    if (bound >= BOUND.WORD) return this.#withSpace(start, near);
    const end = this.#wordBound(start, ideal) ?? (bound === BOUND.CLUSTER ? near : this.#clusterBound(start, ideal));
    return this.#withSpace(start, end);
  }

  /** The best bound around a position, the nearest of its kind; with equal distances, the one before. */
  #nearest(start: number, ideal: number): readonly [Bound, number] {
    const text = this.#text;
    const first = Math.max(start + 1, ideal - this.#radius);
    const last = Math.min(text.length, ideal + this.#radius);
    let best: Bound = BOUND.NONE;
    let near = ideal;
    let at = ideal;
    // Outwards: 0, -1, 1, -2, 2…
    for (let step = 0; step <= 2 * this.#radius && best < BOUND.SENTENCE; step++) {
      at += step % 2 === 0 ? step : -step;
      if (at < first || at > last) continue;
      if (best >= BOUND.WORD && at < text.length && !isBetterAfter(text.charCodeAt(at - 1))) continue;
      const bound = boundAt(text, start, at);
      if (bound > best && !isInEscape(text, start, at)) [best, near] = [bound, at];
    }
    return [best, near];
  }

  #wordBound(start: number, ideal: number): number | undefined {
    if (this.#words.spent >= DICTIONARY_BUDGET || !isWithinUnspaced(this.#text, ideal)) return undefined;
    this.#words.load(start, ideal + this.#length);
    const [before, after] = this.#words.around(ideal);
    const nearestFirst = ideal - before <= after - ideal ? [before, after] : [after, before];
    return nearestFirst.find((at) => Math.abs(at - ideal) <= this.#radius && at > start && this.#isClean(start, at));
  }

  /** Near a position, else as soon after `start` as can be. */
  #clusterBound(start: number, ideal: number): number {
    this.#clusters.load(start, ideal + 1);
    const [before] = this.#clusters.around(ideal);
    if (before > start && !isInEscape(this.#text, start, before)) return before;
    let end = this.#clusters.endOf(start);
    while (end < this.#text.length && isInEscape(this.#text, start, end)) end = this.#clusters.endOf(end);
    return end;
  }

  /** With the white space that follows, so that no piece begins with it. */
  #withSpace(start: number, at: number): number {
    const limit = at + this.#length + SPACE_ALLOWANCE;
    let end = at;
    while (end < limit && isSpaceAt(this.#text, end)) end++;
    if (end === at || this.#isClean(start, end)) return end;
    return end - 1 > at && this.#isClean(start, end - 1) ? end - 1 : at;
  }

  #isClean(start: number, at: number): boolean {
    if (isInEscape(this.#text, start, at)) return false;
    if (boundAt(this.#text, start, at) > BOUND.NONE) return true;
    this.#clusters.load(start, at + 1);
    return this.#clusters.around(at)[0] === at;
  }
}
