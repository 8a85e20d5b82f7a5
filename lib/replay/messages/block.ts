import { isObject, type JsonObject } from '../../json.ts';
import type { ReplayEvent } from '../format.ts';
import { splitText } from '../split.ts';
import { named } from './named.ts';

/** A block as it is told: what its start says, and the deltas that complete it. */
interface Told {
  readonly start: JsonObject;
  readonly deltas: readonly JsonObject[];
}

/** The events of one stored content block. */
export function blockEvents(block: JsonObject, index: number, pieceLength: number): ReplayEvent[] {
  const { start, deltas } = told(block, pieceLength);
  return [
    named('content_block_start', { index, content_block: start }),
    ...deltas.map((delta) => named('content_block_delta', { index, delta })),
    named('content_block_stop', { index }),
  ];
}

/**
 * Clients take a start over as it is, so what has no deltas, is unknown or is malformed goes whole in it. `mcp_tool_use`
 * does too: the ai SDK reads its input there alone, and Anthropic's client reads its deltas in the beta interface alone.
 */
function told(block: JsonObject, pieceLength: number): Told {
  const { type } = block;
  switch (type) {
    case 'text':
      return text(block, pieceLength);
    case 'thinking':
      return thinking(block, pieceLength);
    case 'tool_use':
    case 'server_tool_use':
      return toolUse(block, pieceLength);
    case 'compaction':
      return compaction(block);
    default:
      return whole(block);
  }
}

/** The ai SDK passes over text in the start. */
function text(block: JsonObject, pieceLength: number): Told {
  const { text, citations } = block;
  if (typeof text !== 'string') return whole(block);
  const areTold = Array.isArray(citations) && citations.every(isObject);
  return {
    start: { ...block, text: '', ...(areTold && { citations: [] }) },
    deltas: [
      ...splitText(text, pieceLength).map((piece) => ({ type: 'text_delta', text: piece })),
      ...(areTold ? citations.map((citation) => ({ type: 'citations_delta', citation })) : []),
    ],
  };
}

/** The signature goes in one piece: clients replace it. */
function thinking(block: JsonObject, pieceLength: number): Told {
  const { thinking, signature } = block;
  if (typeof thinking !== 'string') return whole(block);
  const isSigned = typeof signature === 'string' && signature !== '';
  return {
    start: { ...block, thinking: '', ...(isSigned && { signature: '' }) },
    deltas: [
      ...splitText(thinking, pieceLength).map((piece) => ({ type: 'thinking_delta', thinking: piece })),
      ...(isSigned ? [{ type: 'signature_delta', signature }] : []),
    ],
  };
}

/** Input in the start and in deltas would be doubled by the ai SDK. */
function toolUse(block: JsonObject, pieceLength: number): Told {
  const { input } = block;
  if (!isObject(input)) return whole(block);
  const isEmpty = Object.keys(input).length === 0;
  const pieces = isEmpty ? [''] : splitText(JSON.stringify(input), pieceLength);
  return {
    start: { ...block, input: {} },
    deltas: pieces.map((partial_json) => ({ type: 'input_json_delta', partial_json })),
  };
}

/** A summary of earlier turns, in one delta that carries the block's final value. The ai SDK passes over content in the start. */
function compaction(block: JsonObject): Told {
  const { content, encrypted_content } = block;
  if (typeof content !== 'string') return whole(block);
  return { start: { ...block, content: null }, deltas: [{ type: 'compaction_delta', content, encrypted_content }] };
}

function whole(block: JsonObject): Told {
  return { start: block, deltas: [] };
}
