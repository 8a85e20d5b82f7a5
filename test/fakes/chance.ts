/** Chance that is the same in every run, so that a failure can be looked into. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  /**
   * From [0, 1): mulberry32, https://gist.github.com/tommyettinger/46a574533244883189143505d203312c (public domain).
   */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }
}
