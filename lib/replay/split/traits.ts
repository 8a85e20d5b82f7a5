/** What a character is for a cut, as bits. */
export const TRAIT = {
  /** Never joined to a neighbour that is `PLAIN` too: between the two a grapheme cluster ends (UAX #29, GB999). */
  PLAIN: 1,
  /** A cluster of its own (UAX #29, GB4 and GB5), but for CR LF. */
  CONTROL: 2,
  SPACE: 4,
  /** Part of a word. */
  WORD: 8,
  /** Of a script that is written without spaces: only a dictionary tells its words. */
  UNSPACED: 16,
  /** Ends a sentence. */
  END: 32,
  /** Ends a sentence without white space after it. */
  WIDE_END: 64,
  /** May stand between a sentence's end and the white space after it. */
  CLOSE: 128,
  /** A pause in a script without spaces: as good a place as white space. */
  PAUSE: 256,
  /** Goes on with a sentence or a word: `3,5`, `it's`, `a.b`. */
  MIDDLE: 512,
} as const;

const KNOWN = 0x8000;

type Pattern = readonly [trait: number, characters: RegExp];

/** The properties are those of the running Unicode version. */
const PROPERTIES: readonly Pattern[] = [
  [
    TRAIT.PLAIN,
    // What is unassigned breaks like any other character, unless it is reserved for something invisible.
    // Left out: letters and symbols that clusters extend over, letters that are prefixed to a cluster, conjoining jamo.
    /^(?![\p{Grapheme_Extend}\p{Emoji_Modifier}\p{Regional_Indicator}\p{Default_Ignorable_Code_Point}\u0d4e\u0e33\u0eb3\u1100-\u11ff\ua960-\ua97f\ud7b0-\ud7ff\u{11000}-\u{11fff}\u{16100}-\u{1613f}\u{16d60}-\u{16d6f}])[\p{L}\p{N}\p{P}\p{S}\p{Zs}\p{Co}\p{Cs}\p{Cn}]$/u,
  ],
  [TRAIT.WORD, /^[\p{L}\p{M}\p{N}\p{Pc}]$/u],
  [
    TRAIT.UNSPACED,
    /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}ー]$/u,
  ],
];

/** What only characters of the basic plane are. */
const MARKS: readonly Pattern[] = [
  [TRAIT.CONTROL, /^[\p{Cc}\p{Zl}\p{Zp}]$/u],
  [TRAIT.SPACE, /^\s$/u],
  [TRAIT.END, /^[.!?…‼⁇⁈⁉؟۔।॥։။៖។៕።፧]$/u],
  [TRAIT.WIDE_END, /^[。！？｡．]$/u],
  [TRAIT.CLOSE, /^["'*_)\]}»”’」』）】》〉]$/u],
  [TRAIT.PAUSE, /^[，、；：」』）】》〉․་།]$/u],
  [TRAIT.MIDDLE, /^[.,:;'\-‘’‚·․‧،؛，、：；–—]$/u],
];

const LEARNT = new Uint16Array(0x11_0000);

/** The traits of a code point: the bits of {@link TRAIT}. */
export function traitsOf(codePoint: number): number {
  const known = LEARNT[codePoint] ?? 0;
  return known === 0 ? learn(codePoint) : known;
}

function learn(codePoint: number): number {
  LEARNT[codePoint] = KNOWN | (isUniform(codePoint) ? TRAIT.PLAIN : readTraits(codePoint));
  return LEARNT[codePoint] ?? KNOWN;
}

/** Planes 4 to 13 have no characters, 15 and 16 are for private use. */
function isUniform(codePoint: number): boolean {
  return codePoint > 0x3_ffff && codePoint >> 16 !== 14;
}

function readTraits(codePoint: number): number {
  const character = String.fromCodePoint(codePoint);
  const patterns = codePoint > 0xffff ? PROPERTIES : [...PROPERTIES, ...MARKS];
  return patterns.reduce((bits, [bit, pattern]) => (pattern.test(character) ? bits | bit : bits), 0);
}
