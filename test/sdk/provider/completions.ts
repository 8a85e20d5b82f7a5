import type { JsonObject } from '../../../lib/json.ts';
import { TEXT_TOKENS } from './texts.ts';
import { data, type Told } from './told.ts';

const HEAD = {
  id: 'cmpl-BqPcYwHg3v8hTzFhfhT0kJbC6K2mN',
  object: 'text_completion',
  created: 1_751_812_340,
  model: 'gpt-3.5-turbo-instruct:20230824-v2',
};
const USAGE = { prompt_tokens: 5, completion_tokens: 98, total_tokens: 103 };
const OTHER_TOKENS = [' Zwei', ' —', ' 二', '.', ' 🥈'];

/** Each token with its alternatives and its offset in code points, behind a prompt of so many. */
function logprobs(list: readonly string[], from = 0, prompt = 4): JsonObject {
  const offset = (at: number) => prompt + Array.from(list.slice(0, at).join('')).length;
  const at = list.slice(from).map((_, index) => from + index);
  return {
    tokens: at.map((index) => list[index] ?? ''),
    token_logprobs: at.map((index) => -(index % 5) / 4),
    top_logprobs: at.map((index) => ({ [list[index] ?? '']: -(index % 5) / 4, ' other': -7.5 })),
    text_offset: at.map(offset),
  };
}

type Choice = readonly [index: number, list: readonly string[], finish: string, withLogprobs: boolean];

function told(choices: readonly Choice[]): Told {
  return {
    whole: {
      ...HEAD,
      choices: choices.map(([index, list, finish_reason, withLogprobs]) => ({
        ...{ text: list.join(''), index, logprobs: withLogprobs ? logprobs(list) : null, finish_reason },
      })),
      usage: USAGE,
    },
    frames({ stream_options }) {
      const withUsage = JSON.stringify(stream_options ?? {}).includes('"include_usage":true');
      const chunk = (choice: JsonObject) => data({ ...HEAD, choices: [choice], ...(withUsage && { usage: null }) });
      return [
        ...choices.flatMap(([index, list, , withLogprobs]) =>
          list.map((text, at) =>
            chunk({
              ...{ text, index, finish_reason: null },
              logprobs: withLogprobs ? logprobs(list.slice(0, at + 1), at) : null,
            }),
          ),
        ),
        ...choices.map(([index, , finish_reason]) => chunk({ text: '', index, logprobs: null, finish_reason })),
        ...(withUsage ? [data({ ...HEAD, choices: [], usage: USAGE })] : []),
        data('[DONE]'),
      ];
    },
  };
}

/** OpenAI's legacy Completions. */
export const completions: Record<string, Told> = {
  text: told([[0, TEXT_TOKENS, 'stop', true]]),
  choices: told([
    [0, TEXT_TOKENS, 'stop', true],
    [1, OTHER_TOKENS, 'length', true],
  ]),
};
