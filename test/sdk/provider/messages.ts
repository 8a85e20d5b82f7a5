import type { JsonObject } from '../../../lib/json.ts';
import { CALLS, REFUSAL_TOKENS, TEXT_TOKENS, THOUGHT, THOUGHT_TOKENS } from './texts.ts';
import { named, type Told, tokens } from './told.ts';

const HEAD = {
  model: 'claude-sonnet-4-5-20250929',
  id: 'msg_01XFDUDYJgAACzvnptvVoYEL',
  type: 'message',
  role: 'assistant',
};
const SENT = {
  input_tokens: 472,
  cache_creation_input_tokens: 16,
  cache_read_input_tokens: 2048,
};
const USAGE = { ...SENT, cache_creation: { ephemeral_5m_input_tokens: 16, ephemeral_1h_input_tokens: 0 } };

/** A block as it is in the end, as it begins, and what comes in between. */
type Block = readonly [whole: JsonObject, start: JsonObject, deltas: readonly JsonObject[]];

function told(blocks: readonly Block[], stop_reason: string, stop_sequence: string | null = null): Told {
  const whole = {
    ...HEAD,
    content: blocks.map(([block]) => block),
    ...{ stop_reason, stop_sequence, usage: { ...USAGE, output_tokens: 189, service_tier: 'standard' } },
  };
  const begun = {
    ...{ ...HEAD, content: [], stop_reason: null, stop_sequence: null },
    usage: { ...USAGE, output_tokens: 3, service_tier: 'standard' },
  };
  return {
    whole,
    frames: () => [
      named({ type: 'message_start', message: begun }),
      ...blocks.flatMap(([, content_block, deltas], index) => [
        named({ type: 'content_block_start', index, content_block }),
        ...(index === 0 ? [named({ type: 'ping' })] : []),
        ...deltas.map((delta) => named({ type: 'content_block_delta', index, delta })),
        named({ type: 'content_block_stop', index }),
      ]),
      named({ type: 'message_delta', delta: { stop_reason, stop_sequence }, usage: { ...SENT, output_tokens: 189 } }),
      named({ type: 'message_stop' }),
    ],
  };
}

const text = (list: readonly string[]): Block => [
  { type: 'text', text: list.join('') },
  { type: 'text', text: '' },
  list.map((piece) => ({ type: 'text_delta', text: piece })),
];

const SIGNATURE = 'EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pkiMOYds/yq9EcCGr1nOrh+bNPYK5qU0hVYvXKG==';
const thinking: Block = [
  { type: 'thinking', thinking: THOUGHT, signature: SIGNATURE },
  { type: 'thinking', thinking: '', signature: '' },
  [
    ...THOUGHT_TOKENS.map((piece) => ({ type: 'thinking_delta', thinking: piece })),
    { type: 'signature_delta', signature: SIGNATURE },
  ],
];
const REDACTED = {
  type: 'redacted_thinking',
  data: 'EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIwxtE3rAFBa8cr3qpP',
};
const redacted: Block = [REDACTED, REDACTED, []];

/** The model spells JSON with spaces, of which a message that was read whole knows nothing. */
const spaced = (value: unknown): string => JSON.stringify(value, null, 1).replaceAll(/\n */g, ' ');
const toolUse = (position: number): Block => {
  const [name, input] = CALLS[position] ?? ['now', {}];
  const head = { type: 'tool_use', id: `toolu_01T1x1fJ34qAmk2tNTrN7Up${position}`, name };
  const pieces = Object.keys(input).length === 0 ? [''] : ['', ...tokens(spaced(input), 9)];
  return [
    { ...head, input },
    { ...head, input: {} },
    pieces.map((partial_json) => ({ type: 'input_json_delta', partial_json })),
  ];
};

const CITED = {
  ...{ type: 'char_location', cited_text: 'The grass is green. 草是绿的。', document_index: 0 },
  ...{ document_title: 'Grass 🌱', start_char_index: 0, end_char_index: 20, file_id: null },
};
const cited: Block = [
  {
    type: 'text',
    text: 'the grass is green 🌱',
    citations: [CITED, { ...CITED, start_char_index: 20, end_char_index: 26 }],
  },
  { type: 'text', text: '', citations: [] },
  [
    { type: 'citations_delta', citation: CITED },
    { type: 'text_delta', text: 'the grass' },
    { type: 'text_delta', text: ' is green 🌱' },
    { type: 'citations_delta', citation: { ...CITED, start_char_index: 20, end_char_index: 26 } },
  ],
];

const SEARCH = { type: 'server_tool_use', id: 'srvtoolu_014hJH82Qum7Td6UV8gDXThB', name: 'web_search' };
const search: Block = [
  { ...SEARCH, input: { query: 'weather in München 🌦' } },
  { ...SEARCH, input: {} },
  ['', '{"que', 'ry": "', 'weather in M', 'ünchen 🌦"}'].map((partial_json) => ({
    type: 'input_json_delta',
    partial_json,
  })),
];
const PAGE = { url: 'https://example.com/wetter', title: 'Wetter — 天気 ☀️' };
const FOUND = {
  ...{ type: 'web_search_tool_result', tool_use_id: SEARCH.id },
  content: [
    { type: 'web_search_result', ...PAGE, encrypted_content: 'EqgfCioIARgBIiQ3YTAwMjY1Mi1m==', page_age: null },
  ],
};
const LOCATION = {
  ...{ type: 'web_search_result_location', ...PAGE, encrypted_index: 'Eo8BCioIAhgBIiQyYjQ0OWJmZi1l==' },
  cited_text: 'It is 3.5 °C 🥶',
};
const located: Block = [
  { type: 'text', text: 'It is cold — 冷。', citations: [LOCATION] },
  { type: 'text', text: '', citations: [] },
  [
    ...['It is', ' cold', ' — 冷', '。'].map((piece) => ({ type: 'text_delta', text: piece })),
    { type: 'citations_delta', citation: LOCATION },
  ],
];

/** Anthropic's Messages. */
export const messages: Record<string, Told> = {
  text: told([text(TEXT_TOKENS)], 'stop_sequence', '\n'),
  thoughts: told([thinking, redacted, text(TEXT_TOKENS)], 'max_tokens'),
  refusal: told([text(REFUSAL_TOKENS)], 'refusal'),
  tools: told([thinking, text(['Let', ' me look. 👀']), toolUse(0), toolUse(1), toolUse(2)], 'tool_use'),
  hosted: told([text(['I’ll', ' look. 🔎']), search, [FOUND, FOUND, []], located], 'end_turn'),
  citations: told([text(['As is written', ', ']), cited, text(['.'])], 'end_turn'),
};
