import type { JsonObject } from '../../lib/json.ts';
import type { StreamFormat } from '../../lib/replay/format.ts';
import { formatOf } from '../../lib/replay/formats.ts';
import { completion } from './answers.ts';

/** Cut into many pieces by a short `CHUNK_TARGET_LENGTH`. */
export const TEXT = 'Some words that are cut into pieces, and one more sentence. 好的，没有问题。';
const usage = { input_tokens: 3, output_tokens: 5 };

/** A call of each format that can be replayed: where it goes, how it asks for a stream, and a whole answer. */
export const CALLS: Record<string, { path: string; streamed: string; ask: JsonObject; answer: JsonObject }> = {
  chat: {
    ...at('/v1/chat/completions'),
    ask: { messages: [], stream: true, stream_options: { include_usage: true } },
    answer: JSON.parse(JSON.stringify(completion(TEXT))),
  },
  completions: {
    ...at('/v1/completions'),
    ask: { prompt: 'p', stream: true, stream_options: { include_usage: true } },
    answer: {
      ...{ id: 'cmpl-1', object: 'text_completion', created: 1, model: 'm' },
      choices: [{ index: 0, text: TEXT, logprobs: null, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 },
    },
  },
  responses: {
    ...at('/v1/responses'),
    ask: { input: 'i', stream: true },
    answer: {
      ...{ id: 'resp_1', object: 'response', created_at: 1, model: 'm', status: 'completed', usage },
      output: [
        {
          ...{ id: 'msg_1', type: 'message', role: 'assistant', status: 'completed' },
          content: [{ type: 'output_text', text: TEXT, annotations: [], logprobs: [] }],
        },
      ],
    },
  },
  messages: {
    ...at('/v1/messages'),
    ask: { messages: [], max_tokens: 9, stream: true },
    answer: {
      ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'm', stop_reason: 'end_turn', stop_sequence: null },
      content: [{ type: 'text', text: TEXT }],
      usage,
    },
  },
  gemini: {
    path: '/v1beta/models/m:generateContent',
    streamed: '/v1beta/models/m:streamGenerateContent',
    ask: { contents: [] },
    answer: {
      candidates: [{ index: 0, content: { role: 'model', parts: [{ text: TEXT }] }, finishReason: 'STOP' }],
      usageMetadata: { totalTokenCount: 8 },
      ...{ modelVersion: 'm', responseId: 'r' },
    },
  },
};

function at(path: string) {
  return { path, streamed: path };
}

export function formatAt(path: string): StreamFormat {
  const format = formatOf(path);
  if (format === null) throw new Error('it has one');
  return format;
}
