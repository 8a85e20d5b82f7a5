import { isObject, type JsonObject, parseJson } from '../../lib/json.ts';

export const TEXT = 'The quick brown fox jumps over the lazy dog. '.repeat(6).trim();

export const COMPLETION = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1_790_000_000,
  model: 'gpt-4o-mini',
  choices: [{ index: 0, message: { role: 'assistant', content: TEXT }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 3, completion_tokens: 60, total_tokens: 63 },
};

export const ASK = {
  model: 'gpt-4o-mini',
  messages: [{ role: 'user', content: 'Go' }],
  temperature: 0.5,
  stream: true,
};

export const CHAT = '/v1/chat/completions';

/** The `data:` of each frame, parsed but for `[DONE]`. */
export function dataOf(stream: string): (JsonObject | string)[] {
  return stream
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: '))
    .map((frame) => {
      const value = parseJson(frame.slice(6));
      return isObject(value) ? value : frame.slice(6);
    });
}

/** The text that a reader of the stream gathers. */
export function textOf(stream: string): string {
  return dataOf(stream)
    .map((data) => (isObject(data) && Array.isArray(data['choices']) ? data['choices'][0] : undefined))
    .map((choice) => (isObject(choice) && isObject(choice['delta']) ? choice['delta']['content'] : ''))
    .filter((content) => typeof content === 'string')
    .join('');
}
