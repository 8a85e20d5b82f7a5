import type { JsonObject } from '../../json.ts';
import type { ReplayEvent, ReplayOptions } from '../format.ts';
import { filled, objectsIn } from '../shape.ts';
import { blockEvents } from './block.ts';
import { named } from './named.ts';
import { counted, finalUsage, openingUsage } from './usage.ts';

/** A stored message as the events of a stream; `null` when it is none. */
export function replayMessages(message: JsonObject, { pieceLength }: ReplayOptions): ReplayEvent[] | null {
  const { type = 'message', content } = message;
  if (type !== 'message' || !Array.isArray(content)) return null;
  const usage = counted(message['usage']);
  return [
    named('message_start', { message: opening(message, usage) }),
    ...objectsIn(content).flatMap((block, index) => blockEvents(block, index, pieceLength)),
    named('message_delta', closing(message, usage)),
    named('message_stop', {}),
  ];
}

/**
 * The message before its first block. All that is not said to come later is here, unknown fields too: clients keep what
 * they find in it, and not all of them take from the end what the format repeats there.
 */
function opening(message: JsonObject, usage: JsonObject): JsonObject {
  const { id, model, role, stop_details } = message;
  return {
    ...message,
    id: filled(id) ?? 'msg_unknown',
    type: 'message',
    role: filled(role) ?? 'assistant',
    model: filled(model) ?? 'unknown',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    ...(stop_details !== undefined && { stop_details: null }),
    usage: openingUsage(usage),
  };
}

/** Why the message ended, and what the format tells at the end although the message has it at its top level. */
function closing(message: JsonObject, usage: JsonObject): JsonObject {
  const { stop_reason = null, stop_sequence = null, stop_details, container, safeguard_results } = message;
  const { context_management, input_transformations } = message;
  return {
    delta: { stop_reason, stop_sequence, stop_details, container, safeguard_results },
    usage: finalUsage(usage),
    context_management,
    input_transformations,
  };
}
