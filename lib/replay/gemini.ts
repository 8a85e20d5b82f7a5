import type { StreamFormat } from './format.ts';
import { collectGemini } from './gemini/collect.ts';
import { errorEvent } from './gemini/error.ts';
import { replayGemini } from './gemini/replay.ts';
import { areFinished } from './whole.ts';

/** Gemini's `:streamGenerateContent?alt=sse`: frames that are each a whole GenerateContentResponse, without names or a closing mark. */
export const geminiFormat: StreamFormat = {
  name: 'gemini',
  replay: replayGemini,
  collect: collectGemini,
  streamOptions: null,
  // Without candidates a blocked prompt is all that it tells.
  isWhole: ({ candidates }) => candidates === undefined || areFinished(candidates, 'finishReason'),
  error: errorEvent,
  // Its Python client takes every line for JSON, comments too.
  heartbeat: null,
  takesIds: false,
  ofText: (text) => ({
    candidates: [{ index: 0, content: { role: 'model', parts: [{ text }] }, finishReason: 'STOP' }],
  }),
};
