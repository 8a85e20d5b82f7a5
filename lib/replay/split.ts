/** Fixed, because the default locale is the machine's and cuts have to be the same everywhere (`und` resolves to the default too). */
const LOCALE = 'en';

const SEGMENTERS = {
  sentence: new Intl.Segmenter(LOCALE, { granularity: 'sentence' }),
  word: new Intl.Segmenter(LOCALE, { granularity: 'word' }),
  grapheme: new Intl.Segmenter(LOCALE, { granularity: 'grapheme' }),
};

type Granularity = keyof typeof SEGMENTERS;

/** Units segmented at a time. Finding a segment can cost a walk back to the start of the block, so a block is short. */
const BLOCK_LENGTH = 1024;

/** How much longer a piece may get by the white space after it, beyond twice its target: no run of spaces makes a piece endless. */
const SPACE_ALLOWANCE = 16;

/** Below this code unit, CR LF is the only cluster of several characters: combining marks begin here. */
const FIRST_COMBINING = 0x300;

/**
 * Cuts a text into pieces of about `target` UTF-16 units: at a sentence's end if one is near, else after white space, else at
 * a word bound, and never inside a grapheme cluster. The pieces joined are the text; the same text gives the same pieces.
 */
export function splitText(text: string, target: number): string[] {
  const length = target >= 1 ? Math.trunc(target) : 1;
  const bounds = new Bounds(text);
  const pieces: string[] = [];
  for (let start = 0; start < text.length; ) {
    const end = text.length - start <= length ? text.length : cutAfter(bounds, start, length);
    pieces.push(text.slice(start, end));
    start = end;
  }
  return pieces;
}

function cutAfter(bounds: Bounds, start: number, length: number): number {
  const ideal = start + length;
  const radius = Math.trunc(length / 2);
  const limit = ideal + length + SPACE_ALLOWANCE;
  bounds.load(start, limit + 1);
  return (
    nearBound(bounds, 'sentence', ideal, radius, limit) ??
    nearSpaceEnd(bounds, ideal, radius) ??
    nearBound(bounds, 'word', ideal, radius, limit) ??
    anyBound(bounds, start, ideal, limit)
  );
}

function nearBound(
  bounds: Bounds,
  kind: Granularity,
  ideal: number,
  radius: number,
  limit: number,
): number | undefined {
  if (radius === 0) return undefined;
  const [before, after] = bounds.around(kind, ideal);
  const nearestFirst = ideal - before <= after - ideal ? [before, after] : [after, before];
  const near = nearestFirst.find((at) => Math.abs(at - ideal) <= radius && bounds.isClean(at));
  return near === undefined ? undefined : bounds.skipSpace(near, limit);
}

function nearSpaceEnd(bounds: Bounds, ideal: number, radius: number): number | undefined {
  for (let distance = 0; distance <= radius; distance++) {
    if (bounds.isSpaceEnd(ideal - distance)) return ideal - distance;
    if (bounds.isSpaceEnd(ideal + distance)) return ideal + distance;
  }
  return undefined;
}

function anyBound(bounds: Bounds, start: number, ideal: number, limit: number): number {
  if (bounds.isClean(ideal)) return bounds.skipSpace(ideal, limit);
  const [before] = bounds.around('grapheme', ideal);
  return bounds.skipSpace(before > start ? before : bounds.clusterEnd(start), limit);
}

/** Where a text may be cut, looked up in a block that moves along with the cuts. */
class Bounds {
  readonly #text: string;
  #from = 0;
  #to = 0;
  readonly #segments = new Map<Granularity, Intl.Segments>();

  constructor(text: string) {
    this.#text = text;
  }

  /** Makes positions up to `to` answerable. `from` has to be a cluster's start, or the block would see other clusters than the text has. */
  load(from: number, to: number): void {
    const isCovered = to < this.#to || this.#to === this.#text.length;
    // A block that had to grow for one huge cluster is left as soon as the cuts have moved on.
    if (isCovered && from - this.#from < BLOCK_LENGTH) return;
    this.#from = from;
    this.#to = Math.min(this.#text.length, Math.max(from + BLOCK_LENGTH, to + 1));
    // Half a pair looks like a control character, before which there always is a bound.
    if (isPair(this.#text, this.#to)) this.#to++;
    this.#segments.clear();
  }

  /** The bounds at or before a position and after it. */
  around(kind: Granularity, at: number): readonly [before: number, after: number] {
    const found = this.#segmentsOf(kind).containing(at - this.#from);
    if (!found) return [at, at];
    const before = this.#from + found.index;
    return [before, before + found.segment.length];
  }

  /** The end of the cluster that begins at a position, however far it reaches. */
  clusterEnd(start: number): number {
    for (;;) {
      const [, end] = this.around('grapheme', start);
      // At the end of a block that is not the end of the text, the cluster may go on.
      if (end < this.#to || end === this.#text.length) return end;
      this.load(start, start + 2 * (end - start) + 1);
    }
  }

  /** Whether a cut here leaves every cluster whole. */
  isClean(at: number): boolean {
    const next = this.#text.charCodeAt(at);
    const isPlain = next < FIRST_COMBINING && this.#text.charCodeAt(at - 1) < FIRST_COMBINING;
    if (isPlain && next !== 0x0a) return true;
    return this.#isBetweenClusters(at);
  }

  isSpaceEnd(at: number): boolean {
    return this.#isSpace(at - 1) && !this.#isSpace(at) && this.isClean(at);
  }

  /** The end of the white space that begins here, so that it goes with what is before it; `at` itself where that is no clean cut. */
  skipSpace(at: number, limit: number): number {
    let end = at;
    while (end < limit && this.#isSpace(end)) end++;
    if (this.isClean(end)) return end;
    return this.isClean(end - 1) ? Math.max(at, end - 1) : at;
  }

  #segmentsOf(kind: Granularity): Intl.Segments {
    const known = this.#segments.get(kind);
    if (known) return known;
    const made = SEGMENTERS[kind].segment(this.#text.slice(this.#from, this.#to));
    this.#segments.set(kind, made);
    return made;
  }

  #isBetweenClusters(at: number): boolean {
    return at >= this.#text.length || this.around('grapheme', at)[0] === at;
  }

  #isSpace(at: number): boolean {
    return at < this.#text.length && this.#text.charAt(at).trim() === '';
  }
}

function isPair(text: string, at: number): boolean {
  return (text.codePointAt(at - 1) ?? 0) > 0xffff;
}
