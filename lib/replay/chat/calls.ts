import { isObject, type Json, type JsonObject } from '../../json.ts';
import { splitText } from '../split.ts';

/** The field in which each kind of call streams its text. */
export const CALL_TEXT = { function: 'arguments', custom: 'input' } as const;

/** A stored tool call as deltas: id, type and name once, then its text in pieces, the index in each. */
export function callDeltas(call: JsonObject, index: number, pieceLength: number): JsonObject[] {
  const { index: _, type, ...fields } = call;
  const kind = isObject(fields['custom']) ? 'custom' : 'function';
  const body = fields[kind];
  // A kind that has neither is unknown here: it goes whole.
  if (!isObject(body)) return [{ tool_calls: [{ ...call, index }] }];
  const [head, ...pieces] = bodyDeltas(body, CALL_TEXT[kind], pieceLength);
  const first = { ...fields, index, type: type ?? kind, [kind]: head };
  return [first, ...pieces.map((piece) => ({ index, [kind]: piece }))].map((delta) => ({ tool_calls: [delta] }));
}

/** The legacy form, of which a message has at most one. */
export function functionCallDeltas(call: Json | undefined, pieceLength: number): JsonObject[] {
  if (!isObject(call)) return [];
  return bodyDeltas(call, CALL_TEXT.function, pieceLength).map((function_call) => ({ function_call }));
}

function bodyDeltas(body: JsonObject, textField: string, pieceLength: number): JsonObject[] {
  const { name, [textField]: text, ...rest } = body;
  return [
    { ...rest, name: name ?? '', [textField]: '' },
    ...splitText(callText(text), pieceLength).map((piece) => ({ [textField]: piece })),
  ];
}

/** Some servers store the arguments parsed; clients concatenate strings. */
function callText(text: Json | undefined): string {
  if (typeof text === 'string') return text;
  return text === undefined || text === null ? '' : JSON.stringify(text);
}
