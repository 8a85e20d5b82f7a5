import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitText } from '../../lib/replay/split.ts';
import { REPLAY_VERSION } from '../../lib/replay/version.ts';

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
  '\\',
  '\\u00e9',
  '\\ud83d\\ude00',
];

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.string({
    unit: fc.oneof(fc.constantFrom(...AWKWARD), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })),
    maxLength: 300,
  }),
);

function boundsOf(text: string, granularity: 'grapheme' | 'word'): Set<number> {
  const segments = new Intl.Segmenter('en', { granularity }).segment(text);
  return new Set([...segments].map(({ index }) => index));
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
  const bounds = boundsOf(text, 'grapheme');
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
        // Without escapes, which stay whole however short the target is.
        fc.string({ unit: 'grapheme-ascii', maxLength: 500 }).map((text) => text.replaceAll('\\', '/')),
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
    ['backslashes', '\\'],
    ['Thai without spaces', 'ปัญญาประดิษฐ์กำลังเปลี่ยนแปลงโลก'],
    ['Chinese without marks', '人工智能正在改变世界的方方面面从医疗到教育'],
  ])('takes time in proportion to the length: %s', (_name, unit) => {
    const text = unit.repeat(2 ** 20 / unit.length);
    const started = performance.now();
    splitText(text, 30);
    // Measured at 15 to 90 ms; anything quadratic takes minutes.
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('leaves JSON escapes whole, so that each piece of a JSON text is JSON text', () => {
    const character = fc.oneof(
      fc.constantFrom('\\', '"', '\n', '\u0001', 'u', 'é', '😀', ' '),
      fc.string({ maxLength: 3 }),
    );
    const json = fc
      .tuple(fc.string({ unit: character, maxLength: 200 }), fc.boolean())
      .map(([text, isAscii]) => (isAscii ? ascii(JSON.stringify(text)) : JSON.stringify(text)).slice(1, -1));
    fc.assert(
      fc.property(json, fc.integer({ min: 1, max: 40 }), (text, target) => {
        const pieces = splitText(text, target);
        // A piece that began or ended inside an escape would not parse, or not to what it stands for.
        const parsed: string[] = pieces.map((piece) => JSON.parse(`"${piece}"`));
        expect(parsed.join('')).toBe(JSON.parse(`"${text}"`));
        for (const one of parsed) expect(one.isWellFormed()).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  test.each(['\\', '\\\\', '\\u00e9', '\\ud83d\\ude00', '\\"'])('leaves %j whole wherever it stands', (sequence) => {
    for (let before = 0; before < 40; before++) {
      const text = `${'x'.repeat(before)}${sequence}${'y'.repeat(40)}`;
      const cuts = cutsOf(splitText(text, 7));
      const last = before + Math.max(sequence.length - 1, 1);
      expect(cuts.filter((cut) => cut > before && cut <= last)).toEqual([]);
    }
  });

  test('cuts between words of a dictionary, where a script needs one, in the first 50000 units, then between characters', () => {
    const text = THAI.repeat(2000);
    const words = boundsOf(text, 'word');
    const startsWord = (cut: number) => words.has(cut);
    const cuts = cutsOf(splitText(text, 30));
    const [within, beyond] = [cuts.filter((cut) => cut < 50_000), cuts.filter((cut) => cut > 66_000)];
    expect(within.filter((cut) => !startsWord(cut))).toEqual([]);
    expect(beyond.filter((cut) => !startsWord(cut)).length).toBeGreaterThan(beyond.length / 4);
  });
});

const THAI = 'ปัญญาประดิษฐ์กำลังเปลี่ยนแปลงโลกในทุกด้านตั้งแต่การแพทย์ไปจนถึงการศึกษา';

function ascii(json: string): string {
  return json.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Where a cursor points depends on these: with any change of them `REPLAY_VERSION` has to be raised. */
describe('version 2 cuts', () => {
  test.each<[name: string, target: number, pieces: string[]]>([
    [
      'English',
      16,
      [
        'Dr. Smith paid ',
        '$3.50 for it, ',
        'i.e. too much! ',
        '"Why?" she asked. ',
        'Nobody knew; ',
        'still, everyone smiled.',
      ],
    ],
    [
      'German',
      16,
      ['Straßenbahnhalte', 'stellenverzeichnis ', 'heißt das Wort. ', 'Größe zählt nicht, z. ', 'B. beim Würfeln.'],
    ],
    ['Russian', 16, ['Быстрая коричневая ', 'лиса прыгает ', 'через ленивую собаку. ', 'Все смотрят.']],
    [
      'Chinese',
      10,
      [
        '人工智能正在改变世界',
        '的方方面面，从医疗到教育。',
        '“我们去公园散步吧！”她说。',
        '机器学习模型需要大量',
        '的训练数据和计算资源',
      ],
    ],
    [
      'Japanese',
      10,
      ['人工知能は世界を変えています。', 'カタカナとひらがなが', '混ざった文章で、', '「区切り」は難しい。'],
    ],
    ['Korean', 10, ['인공지능은 세계의 ', '모든 면을 변화시키고 ', '있습니다. ', '의료에서 교육까지.']],
    ['Thai', 10, ['ปัญญาประดิษฐ์', 'กำลัง', 'เปลี่ยนแปลง', 'โลกในทุก', 'ด้านตั้งแต่', 'การแพทย์ไป', 'จนถึงการศึกษา']],
    ['Arabic', 16, ['الذكاء الاصطناعي ', 'يغير العالم. ', 'هل هذا صحيح؟ ', 'نعم، في كل جانب.']],
    ['Hindi', 16, ['कृत्रिम बुद्धिमत्ता ', 'दुनिया को बदल रही है। ', 'क्या यह सच है? ', 'हाँ, हर पहलू में।']],
    ['Tibetan', 16, ['མི་བཟོས་རིག་ནུས་', 'ཀྱིས་འཛམ་གླིང་', 'བསྒྱུར་བཞིན་པ་རེད།']],
    ['emoji', 16, ['👩‍👩‍👧‍👦', '👍🏽🇩🇪🇫🇷❤️ ', '👨‍💻👨‍💻 done ', '✅✅✅✅✅✅✅✅✅✅✅✅✅✅✅✅']],
    ['code', 16, ['export function ', 'area(r: number) {\n  ', 'return Math.PI ', '* r ** 2; // why not?\n', '}\n']],
    [
      'JSON',
      16,
      [
        '{"city":"M\\u00fcnchen ',
        '\\"Mitte\\"","path',
        '":"C:\\\\temp\\\\new',
        '","emoji":"',
        '\\ud83d\\ude00',
        '\\ud83d\\ude00"}',
      ],
    ],
    ['base64', 16, ['VGhlIHF1aWNrIGJy', 'b3duIGZveCBqdW1w', 'cyBvdmVyIHRoZSBs', 'YXp5IGRvZy4gV2h5IG5vdD8=']],
    [
      'Markdown',
      16,
      ['## Title\n\n', '- **First** item, ', 'see [link](https:/', '/example.com/a?b=c).\n', '- Second\n\n1. One\n'],
    ],
  ])('%s at %i into the same pieces as ever', (_name, target, pieces) => {
    expect(REPLAY_VERSION).toBe(3);
    expect(splitText(pieces.join(''), target)).toEqual(pieces);
  });
});
