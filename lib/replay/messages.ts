import type { StreamFormat } from './format.ts';
import { collectMessages } from './messages/collect.ts';
import { errorEvent } from './messages/error.ts';
import { replayMessages } from './messages/replay.ts';
import { filled } from './shape.ts';

/** Anthropic Messages: every event named, `type` repeated in its data, closed by `message_stop`. */
export const messagesFormat: StreamFormat = {
  name: 'messages',
  replay: replayMessages,
  collect: collectMessages,
  streamOptions: null,
  isWhole: ({ stop_reason }) => filled(stop_reason) !== undefined,
  error: errorEvent,
  // Anthropic's own: https://platform.claude.com/docs/en/build-with-claude/streaming#ping-events
  heartbeat: 'event: ping\ndata: {"type":"ping"}\n\n',
  takesIds: true,
  ofText: (text) => ({
    type: 'message',
    role: 'assistant',
    content: [{ type: 'text', text }],
    stop_reason: 'end_turn',
  }),
};
