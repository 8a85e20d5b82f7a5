import { CallError, errorFrom, parse } from './api.js';
import { chunkText } from './chat.js';
import { readEvents } from './sse.js';

/**
 * Reads a chat stream to its end.
 * @param {ReadableStream<Uint8Array>} body
 * @param {{onText: (piece: string) => void, onUsage?: (usage: object) => void}} listener
 * @throws {CallError} for an error frame, and for a stream that ends before its answer does
 */
export async function readChatStream(body, { onText, onUsage }) {
  let finished = false;
  for await (const { data } of readEvents(body)) {
    if (data === '[DONE]') return;
    const json = parse(data);
    const error = errorFrom(json);
    if (error !== null) throw error;
    const text = chunkText(json);
    if (text !== '') onText(text);
    if (json?.usage) onUsage?.(json.usage);
    finished ||= Boolean(json?.choices?.[0]?.finish_reason);
  }
  if (!finished) throw new CallError('The stream ended before its answer did.', { type: 'NETWORK' });
}
