import type { JsonObject } from '../../../lib/json.ts';

/** Several scripts, right to left too, cut within clusters: a combining accent, a joined emoji and a flag in two. */
export const TEXT_TOKENS = [
  ...[
    'Gr',
    'üße',
    ' aus',
    ' Mün',
    'chen',
    '!',
    ' It’s',
    ' 3',
    '.',
    '5',
    ' °C',
    ', e.g',
    '. in',
    ' the',
    ' shade',
    '.\n\n',
  ],
  ...['你', '好', '，世', '界', '。', '今日', 'は', 'いい', '天気', 'です', 'ね', '！', ' 안', '녕', '하세요', '.'],
  ...[' مر', 'حبا', ' بالع', 'الم', '،', ' של', 'ום', '.', ' नम', 'स्', 'ते', '।', ' สวัส', 'ดี', 'ครับ', ' Привет', '.'],
  ...[
    ' 👩',
    '\u200d',
    '💻',
    ' and',
    ' 👍',
    '🏽',
    ' and',
    ' 🇩',
    '🇪',
    ' cafe',
    '\u0301',
    ' ',
    '\t',
    '"quo',
    'ted"',
    ' \\',
    'n',
    ' </',
  ],
  ...[
    'script>',
    '\u2028',
    'data',
    ': ',
    '[DONE]',
    '\n',
    '\n',
    'event: ',
    'end',
    '\r\n',
    '```',
    'js\n',
    'a => `$',
    '{a}`',
    '\n```',
    '\n',
  ],
];
export const TEXT = TEXT_TOKENS.join('');

export const THOUGHT_TOKENS = [
  'The',
  ' user',
  ' greets',
  ' me',
  ' — so',
  '：我',
  '也要',
  '问候',
  '。',
  ' 🤔',
  ' Let',
  ' me',
  ' be',
  ' brief',
  '.',
];
export const THOUGHT = THOUGHT_TOKENS.join('');

export const REFUSAL_TOKENS = [
  'I’m',
  ' sorry',
  ', but',
  ' I',
  ' can',
  '’t',
  ' help',
  ' with',
  ' that',
  '. 抱',
  '歉',
  '。 🙅',
  '\u200d',
  '♀️',
];
export const REFUSAL = REFUSAL_TOKENS.join('');

/** What a tool is called with: a large input, some 12 KB of JSON, and one of a few words. */
export const LARGE_INPUT: JsonObject = {
  city: 'München',
  'a "quoted" key \\ 钥匙': { none: null, yes: true, empty: {}, list: [], number: -1.5e-7, large: 9007199254740991 },
  lines: Array.from(
    { length: 120 },
    (_, line) => `${line}: “naïve” 你好 мир \\u00e9 \t 👩‍👩‍👧‍👦 ${'lorem ipsum '.repeat(line % 5)}`,
  ),
};
export const SMALL_INPUT: JsonObject = { query: 'weather in München 🌦', limit: 3 };

/** The calls of one answer: the tool's name and its input. The second has none. */
export const CALLS: readonly (readonly [name: 'report' | 'now' | 'search', input: JsonObject])[] = [
  ['report', LARGE_INPUT],
  ['now', {}],
  ['search', SMALL_INPUT],
];
