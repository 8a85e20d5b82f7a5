import type { JsonObject } from '../../../lib/json.ts';
import { CALLS, REFUSAL, REFUSAL_TOKENS, TEXT, TEXT_TOKENS, THOUGHT, THOUGHT_TOKENS } from './texts.ts';
import { data, obfuscation, type Told, tokens } from './told.ts';

const HEAD = {
  id: 'chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT',
  created: 1_741_569_952,
  model: 'gpt-4.1-2025-04-14',
  service_tier: 'default',
  system_fingerprint: 'fp_44709d6fcb',
};

const USAGE = {
  prompt_tokens: 82,
  completion_tokens: 117,
  total_tokens: 199,
  prompt_tokens_details: { cached_tokens: 64, audio_tokens: 0 },
  completion_tokens_details: {
    ...{ reasoning_tokens: 15, audio_tokens: 0, accepted_prediction_tokens: 2, rejected_prediction_tokens: 1 },
  },
};

/** What one chunk says, beside what all say. */
interface Said {
  readonly index?: number;
  readonly delta: JsonObject;
  readonly logprobs?: JsonObject | null;
  readonly finish_reason?: string;
}

function told(choices: JsonObject[], said: readonly Said[]): Told {
  return {
    whole: { ...HEAD, object: 'chat.completion', choices, usage: USAGE },
    frames({ stream_options }) {
      const withUsage = JSON.stringify(stream_options ?? {}).includes('"include_usage":true');
      const chunk = (fields: JsonObject, position: number) =>
        data({
          ...HEAD,
          object: 'chat.completion.chunk',
          ...fields,
          ...(withUsage && !('usage' in fields) && { usage: null }),
          obfuscation: obfuscation(position),
        });
      const chunks = said.map(({ index = 0, delta, logprobs = null, finish_reason = null }, position) =>
        chunk({ choices: [{ index, delta, logprobs, finish_reason }] }, position),
      );
      return [...chunks, ...(withUsage ? [chunk({ choices: [], usage: USAGE }, 7)] : []), data('[DONE]')];
    },
  };
}

function choice(message: JsonObject, finish_reason: string, fields: JsonObject = {}): JsonObject {
  const whole = { role: 'assistant', content: null, refusal: null, annotations: [], ...message };
  return { index: 0, message: whole, logprobs: null, finish_reason, ...fields };
}

/** Several alternatives, one of them of a part of a character, which has no text of its own. */
const logprob = (token: string, position: number) => ({
  token,
  logprob: -(position % 7) / 8,
  bytes: [...Buffer.from(token)],
  top_logprobs: [
    { token, logprob: -(position % 7) / 8, bytes: [...Buffer.from(token)] },
    { token: '\\xe2\\x80', logprob: -9999, bytes: [226, 128] },
  ],
});
const LOGPROBS = { content: TEXT_TOKENS.map(logprob), refusal: null };
const opening = (fields: JsonObject = {}) => ({ delta: { role: 'assistant', content: '', refusal: null, ...fields } });

/** OpenAI sends a whole call's head, then its arguments, each chunk with its index. */
const ARGUMENTS = CALLS.map(([, input]) => JSON.stringify(input));
const id = (index: number) => `call_${'DdmO9pD3xa9XTPNJ32zg2hcA'.slice(index)}`;

const CITATIONS = [
  {
    type: 'url_citation',
    url_citation: {
      ...{ start_index: 0, end_index: 19, url: 'https://example.com/gr%C3%BCn?q=1' },
      title: 'The grass is green. 草是绿的。',
    },
  },
  {
    type: 'url_citation',
    url_citation: { start_index: 20, end_index: 31, url: 'https://example.org/', title: '天気 ☀️' },
  },
];
/** The input of a custom tool is any text. */
const SCRIPT = ['ls', ' -la', ' "/tmp/', 'Größe', ' 草', '"', ' |', ' grep', " '\\", "n'", '\n'];

/** OpenAI's Chat Completions, and DeepSeek's thoughts in them. */
export const chat: Record<string, Told> = {
  text: told(
    [choice({ content: TEXT }, 'stop', { logprobs: LOGPROBS })],
    [
      { ...opening(), logprobs: { content: [], refusal: null } },
      ...TEXT_TOKENS.map((content, at) => ({
        delta: { content },
        logprobs: { content: [logprob(content, at)], refusal: null },
      })),
      { delta: {}, finish_reason: 'stop' },
    ],
  ),
  thoughts: told(
    [choice({ content: TEXT, reasoning_content: THOUGHT }, 'length')],
    [
      opening(),
      ...THOUGHT_TOKENS.map((reasoning_content) => ({ delta: { reasoning_content } })),
      ...TEXT_TOKENS.map((content) => ({ delta: { content } })),
      { delta: {}, finish_reason: 'length' },
    ],
  ),
  refusal: told(
    [choice({ refusal: REFUSAL }, 'content_filter')],
    [
      { delta: { role: 'assistant', content: null, refusal: '' } },
      ...REFUSAL_TOKENS.map((refusal) => ({ delta: { refusal } })),
      { delta: {}, finish_reason: 'content_filter' },
    ],
  ),
  tools: told(
    [
      choice(
        {
          content: 'Let me look. 👀',
          tool_calls: CALLS.map(([name], index) => ({
            ...{ id: id(index), type: 'function' },
            function: { name, arguments: ARGUMENTS[index] ?? '' },
          })),
        },
        'tool_calls',
      ),
    ],
    [
      opening(),
      { delta: { content: 'Let' } },
      { delta: { content: ' me look. 👀' } },
      ...CALLS.flatMap(([name], index) => [
        {
          delta: { tool_calls: [{ index, id: id(index), type: 'function', function: { name, arguments: '' } }] },
        },
        ...tokens(ARGUMENTS[index] ?? '', 7).map((piece) => ({
          delta: { tool_calls: [{ index, function: { arguments: piece } }] },
        })),
      ]),
      { delta: {}, finish_reason: 'tool_calls' },
    ],
  ),
  citations: told(
    [choice({ content: TEXT, annotations: CITATIONS }, 'stop')],
    [
      opening(),
      ...TEXT_TOKENS.map((content) => ({ delta: { content } })),
      { delta: { annotations: CITATIONS } },
      { delta: {}, finish_reason: 'stop' },
    ],
  ),
  custom: told(
    [
      choice(
        { tool_calls: [{ id: id(9), type: 'custom', custom: { name: 'shell', input: SCRIPT.join('') } }] },
        'tool_calls',
      ),
    ],
    [
      { delta: { role: 'assistant', content: null, refusal: null } },
      {
        delta: { tool_calls: [{ index: 0, id: id(9), type: 'custom', custom: { name: 'shell', input: '' } }] },
      },
      ...SCRIPT.map((input) => ({ delta: { tool_calls: [{ index: 0, custom: { input } }] } })),
      { delta: {}, finish_reason: 'tool_calls' },
    ],
  ),
  choices: told(
    [
      choice({ content: TEXT }, 'stop'),
      choice({ content: 'Zwei — 二. 🥈' }, 'length', { index: 1 }),
      choice({ refusal: REFUSAL }, 'stop', { index: 2 }),
    ],
    [
      ...[0, 1].map((index) => ({ index, ...opening() })),
      { index: 2, delta: { role: 'assistant', content: null, refusal: '' } },
      // The choices are written at the same time.
      ...TEXT_TOKENS.slice(0, 9).map((content) => ({ delta: { content } })),
      { index: 1, delta: { content: 'Zwei' } },
      ...REFUSAL_TOKENS.slice(0, 5).map((refusal) => ({ index: 2, delta: { refusal } })),
      ...TEXT_TOKENS.slice(9).map((content) => ({ delta: { content } })),
      { index: 1, delta: { content: ' — 二. 🥈' } },
      ...REFUSAL_TOKENS.slice(5).map((refusal) => ({ index: 2, delta: { refusal } })),
      { index: 1, delta: {}, finish_reason: 'length' },
      { index: 2, delta: {}, finish_reason: 'stop' },
      { delta: {}, finish_reason: 'stop' },
    ],
  ),
};
