import { collectChat } from './chat/collect.ts';
import { replayChat } from './chat/replay.ts';
import type { StreamFormat } from './format.ts';
import { areFinished, isDone } from './whole.ts';

/** OpenAI Chat Completions: `data:` lines only, closed by `[DONE]`. */
export const chatFormat: StreamFormat = {
  name: 'chat',
  replay: replayChat,
  collect: collectChat,
  streamOptions: '{"include_usage":true}',
  // Not every server sends the mark. Without it nothing tells that a choice which has not begun was still to come.
  isWhole: ({ choices }, events) => isDone(events) || areFinished(choices),
  error: ({ message, type, param = null, code }) => ({
    data: JSON.stringify({ error: { message, type, param, code } }),
  }),
  heartbeat: ': heartbeat\n\n',
  takesIds: true,
  ofText: (content) => ({ choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }] }),
};
