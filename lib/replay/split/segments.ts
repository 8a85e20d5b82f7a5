/** Fixed, because the default locale is the machine's and cuts have to be the same everywhere (`und` resolves to the default too). */
const LOCALE = 'en';

const SEGMENTERS = {
  word: new Intl.Segmenter(LOCALE, { granularity: 'word' }),
  grapheme: new Intl.Segmenter(LOCALE, { granularity: 'grapheme' }),
};

/** Units segmented at a time. Finding a segment can cost a walk back to the start of the block, so a block is short. */
const BLOCK_LENGTH = { word: 512, grapheme: 1024 };

/** The segments of a text, looked up in a block that moves along with the cuts. */
export class Segments {
  readonly #text: string;
  readonly #kind: keyof typeof SEGMENTERS;
  #from = 0;
  #to = 0;
  #segments: Intl.Segments | null = null;
  /** Units that have been segmented. */
  spent = 0;

  constructor(text: string, kind: keyof typeof SEGMENTERS) {
    this.#text = text;
    this.#kind = kind;
  }

  /** Makes positions up to `to` answerable. `from` has to be a segment's start, or the block would see others than the text has. */
  load(from: number, to: number): void {
    const block = BLOCK_LENGTH[this.#kind];
    const isCovered = to < this.#to || this.#to === this.#text.length;
    // A block that had to grow for one huge cluster is left as soon as the cuts have moved on.
    if (this.#segments !== null && isCovered && from - this.#from < block) return;
    this.#from = from;
    this.#to = Math.min(this.#text.length, Math.max(from + block, to + 1));
    // Half a pair would be another character.
    if ((this.#text.codePointAt(this.#to - 1) ?? 0) > 0xffff) this.#to++;
    this.spent += this.#to - this.#from;
    this.#segments = SEGMENTERS[this.#kind].segment(this.#text.slice(this.#from, this.#to));
  }

  /** The bounds at or before a position and after it. */
  around(at: number): readonly [before: number, after: number] {
    const found = this.#segments?.containing(at - this.#from);
    if (!found) return [at, at];
    const before = this.#from + found.index;
    return [before, before + found.segment.length];
  }

  /** The end of the segment that begins at a position, however far it reaches. */
  endOf(start: number): number {
    for (this.load(start, start + 1); ; ) {
      const [, end] = this.around(start);
      // At the end of a block that is not the end of the text, the segment may go on.
      if (end < this.#to || end === this.#text.length) return end;
      this.load(start, start + 2 * (end - start) + 1);
    }
  }
}
