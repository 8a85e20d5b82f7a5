import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitText } from '../../lib/replay/split.ts';

/** What makes clusters of several code points, or units that are no characters at all. */
const AWKWARD = [
  '\r\n',
  '\r',
  '\n',
  ' ',
  '\u3000',
  '\u00a0',
  'a\u0301',
  '\u0301',
  ' \u0301',
  '\u200d',
  '\ufe0f',
  '👩‍👩‍👧‍👦',
  '👍🏽',
  '🇩🇪',
  '🇩',
  '\u1112\u1161\u11ab',
  '\u1100',
  '한',
  'क्षि',
  'ก็',
  '\u0600',
  '\ud83d',
  '\udc00',
  '\u{e0100}',
  '. ',
  '。',
  'word',
];

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({
    unit: fc.oneof(fc.constantFrom(...AWKWARD), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })),
    maxLength: 300,
  }),
);

function clusterBounds(text: string): Set<number> {
  const clusters = new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(text);
  return new Set([...clusters].map(({ index }) => index));
}

function cutsOf(pieces: readonly string[]): number[] {
  let end = 0;
  return pieces.map((piece) => {
    const start = end;
    end += piece.length;
    return start;
  });
}

function expectCleanPieces(text: string, target: number): void {
  const pieces = splitText(text, target);
  expect(pieces.join('')).toBe(text);
  expect(pieces).not.toContain('');
  const bounds = clusterBounds(text);
  expect(cutsOf(pieces).filter((cut) => !bounds.has(cut))).toEqual([]);
}

describe('splitText', () => {
  test('gives pieces that join to the text and leave every grapheme cluster whole', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 60 }), (text, target) => expectCleanPieces(text, target)),
      { numRuns: 2000 },
    );
  });

  test.each(AWKWARD)('keeps clusters whole over block ends and in long runs of %j', (unit) => {
    for (const offset of [0, 1, 2, 3, 5]) expectCleanPieces('x'.repeat(offset) + unit.repeat(1500), 30);
  });

  test('keeps one cluster whole that is longer than any block', () => {
    const cluster = `a${'\u0301'.repeat(10_000)}`;
    expect(splitText(`${cluster}b${cluster}`, 5)).toEqual([cluster, 'b', cluster]);
  });

  test('gives the same pieces again', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 60 }), (text, target) => {
        expect(splitText(text, target)).toEqual(splitText(text, target));
      }),
    );
  });

  test('keeps pieces near the target where clusters are short', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme-ascii', maxLength: 500 }),
        fc.integer({ min: 1, max: 60 }),
        (text, target) => {
          const pieces = splitText(text, target);
          for (const piece of pieces) expect(piece.trimEnd().length).toBeLessThanOrEqual(1.5 * target);
          for (const piece of pieces.slice(0, -1)) expect(piece.length).toBeGreaterThanOrEqual(target / 2);
        },
      ),
    );
  });

  test('leaves white space at the end of the piece before', () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,12}[.,]?$/), { maxLength: 60 });
    const spaces = fc.constantFrom(' ', '\n', '  ', '\r\n\r\n');
    fc.assert(
      fc.property(words, spaces, fc.integer({ min: 5, max: 60 }), (list, space, target) => {
        const pieces = splitText(list.join(space), target);
        expect(pieces.filter((piece) => /^\s/u.test(piece))).toEqual([]);
      }),
    );
  });

  test('prefers the end of a sentence, then of a word', () => {
    expect(splitText('One is short. Two goes on for quite some time without an end', 20)).toEqual([
      'One is short. ',
      'Two goes on for quite ',
      'some time without an end',
    ]);
  });

  test('keeps punctuation with its word rather than cut right at the target', () => {
    expect(splitText('aaaa bbbb, cccc dddd', 9)).toEqual(['aaaa bbbb, ', 'cccc dddd']);
  });

  test('cuts at sentences and words in scripts without spaces', () => {
    expect(splitText('今天天气很好。我们去公园散步吧。', 8)).toEqual(['今天天气很好。', '我们去公园散步吧。']);
    const words = ['ปัญญา', 'ประดิษฐ์', 'กำลัง', 'เปลี่ยนแปลง', 'โลก'];
    const pieces = splitText(words.join(''), 12);
    const wordStarts = cutsOf(words);
    expect(pieces.length).toBeGreaterThan(1);
    expect(cutsOf(pieces).filter((cut) => !wordStarts.includes(cut))).toEqual([]);
  });

  test('does not let a run of spaces make a piece endless', () => {
    for (const piece of splitText(`a${' '.repeat(5000)}b`, 30)) expect(piece.length).toBeLessThanOrEqual(80);
  });

  test('cuts a word that is longer than a piece, without a small rest', () => {
    expect(splitText('x'.repeat(80), 30)).toEqual(['x'.repeat(30), 'x'.repeat(30), 'x'.repeat(20)]);
    expect(splitText('x'.repeat(65), 30)).toEqual(['x'.repeat(30), 'x'.repeat(35)]);
  });

  test('gives no piece for an empty text and one for a short one', () => {
    expect(splitText('', 30)).toEqual([]);
    expect(splitText(' hi ', 30)).toEqual([' hi ']);
    expect(splitText('a b', 1)).toEqual(['a ', 'b']);
  });

  test.each([
    ['English', 'The quick brown fox jumps over the lazy dog. Why not? '],
    ['Chinese', '人工智能正在改变世界的方方面面，从医疗到教育。'],
    ['one endless word', 'x'],
    ['one endless cluster', '\u0301'],
    ['flags', '🇩🇪'],
    ['line ends', '\r\n'],
  ])('takes time in proportion to the length: %s', (_name, unit) => {
    const text = unit.repeat(2 ** 20 / unit.length);
    const started = performance.now();
    splitText(text, 30);
    // Measured at 10 to 90 ms; anything quadratic takes minutes.
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
