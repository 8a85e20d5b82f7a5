import type { StreamFormat } from './format.ts';
import { collectResponse } from './responses/collect.ts';
import { replayResponse } from './responses/replay.ts';

/** OpenAI Responses: named events, numbered from 0, without a closing mark. The usage is always told. */
export const responsesFormat: StreamFormat = {
  name: 'responses',
  replay: replayResponse,
  collect: collectResponse,
  streamOptions: null,
  isWhole: ({ status }) => status !== 'in_progress' && status !== 'queued',
  // An `error` event, as openai's Node client raises nothing at a `response.failed`. Told twice: the published schema is
  // flat, while that client says OpenAI's servers nest it. The ai SDK wants a number, and the right one is not known here.
  error: ({ message, type, param = null, code }) => ({
    event: 'error',
    data: JSON.stringify({
      type: 'error',
      sequence_number: 0,
      message,
      code,
      param,
      error: { type, code, message, param },
    }),
  }),
  // Not a `keepalive` event: before `response.created`, where the first heartbeat is, Node's helper fails at any event.
  heartbeat: ': heartbeat\n\n',
  takesIds: true,
  ofText: (text) => ({
    status: 'completed',
    output: [
      {
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text, annotations: [] }],
      },
    ],
  }),
};
