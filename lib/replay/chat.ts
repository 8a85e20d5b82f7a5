import { collectChat } from './chat/collect.ts';
import { replayChat } from './chat/replay.ts';
import type { StreamFormat } from './format.ts';

/** OpenAI Chat Completions: `data:` lines only, closed by `[DONE]`. */
export const chatFormat: StreamFormat = {
  name: 'chat',
  replay: replayChat,
  collect: collectChat,
  error: ({ message, type, param = null, code }) => ({
    data: JSON.stringify({ error: { message, type, param, code } }),
  }),
  heartbeat: ': heartbeat\n\n',
  takesIds: true,
  ofText: (content) => ({ choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }] }),
};
