import type { JsonObject } from '../../json.ts';
import { splitText } from '../split.ts';

/** A text that is streamed: `{event}.delta` adds a piece, `{event}.done` tells the whole under the name of its field. */
export interface StreamedText {
  readonly event: string;
  readonly field: string;
}

/** By the type of the item whose field it is. */
export const ITEM_TEXTS: ReadonlyMap<string, StreamedText> = new Map([
  ['function_call', { event: 'response.function_call_arguments', field: 'arguments' }],
  ['custom_tool_call', { event: 'response.custom_tool_call_input', field: 'input' }],
  ['mcp_call', { event: 'response.mcp_call_arguments', field: 'arguments' }],
  ['code_interpreter_call', { event: 'response.code_interpreter_call_code', field: 'code' }],
]);

/** By the type of the content part. */
export const PART_TEXTS: ReadonlyMap<string, StreamedText> = new Map([
  ['output_text', { event: 'response.output_text', field: 'text' }],
  ['refusal', { event: 'response.refusal', field: 'refusal' }],
  ['reasoning_text', { event: 'response.reasoning_text', field: 'text' }],
]);

export const SUMMARY_TEXT: StreamedText = { event: 'response.reasoning_summary_text', field: 'text' };

/** The text in pieces, then whole. `place` says where it belongs. */
export function textEvents({ event, field }: StreamedText, text: string, place: JsonObject, pieceLength: number) {
  return [
    ...splitText(text, pieceLength).map((delta): JsonObject => ({ type: `${event}.delta`, ...place, delta })),
    { type: `${event}.done`, ...place, [field]: text },
  ];
}
