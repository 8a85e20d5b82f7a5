import { chatFormat } from './chat.ts';
import { collectCompletion } from './completions/collect.ts';
import { replayCompletion } from './completions/replay.ts';
import type { StreamFormat } from './format.ts';

/** OpenAI's legacy Completions: framed, and failing, as Chat Completions are. */
export const completionsFormat: StreamFormat = {
  name: 'completions',
  replay: replayCompletion,
  collect: collectCompletion,
  streamOptions: chatFormat.streamOptions,
  isWhole: chatFormat.isWhole,
  error: chatFormat.error,
  heartbeat: chatFormat.heartbeat,
  takesIds: true,
  ofText: (text) => ({ choices: [{ index: 0, text, finish_reason: 'stop' }] }),
};
