import { isObject, type Json, type JsonObject } from '../../json.ts';
import { objectsIn } from '../shape.ts';
import { splitText } from '../split.ts';
import { callDeltas, functionCallDeltas } from './calls.ts';
import { deal, emptied, part, tokensOf } from './logprobs.ts';
import { REASONING_FIELDS, type TextField, textOf } from './shape.ts';

/** What one chunk adds to a choice. */
interface Step {
  readonly delta: JsonObject;
  readonly logprobs?: JsonObject | null;
}

/** A stored choice as the choice objects of successive chunks. */
export function choiceFrames(choice: JsonObject, index: number, pieceLength: number): JsonObject[] {
  const { index: _, message, logprobs, finish_reason, ...unknown } = choice;
  const steps = messageSteps(isObject(message) ? message : {}, logprobs, pieceLength);
  const frames = [...steps, { delta: {} }].map(
    ({ delta, logprobs: added = null }: Step): JsonObject => ({
      index,
      delta,
      ...(logprobs !== undefined && { logprobs: added }),
      finish_reason: null,
    }),
  );
  // Python's helper keeps a choice's unknown fields from its opening chunk only; Node's fails without a finish reason.
  return frames.map((frame, position) => ({
    ...(position === 0 && unknown),
    ...frame,
    ...(position === frames.length - 1 && { finish_reason: finish_reason ?? 'stop' }),
  }));
}

function messageSteps(message: JsonObject, logprobs: Json | undefined, pieceLength: number): Step[] {
  const { role, content, refusal, tool_calls, function_call, ...others } = message;
  const text = textOf(content);
  const calls = objectsIn(tool_calls);
  // Empty lists and nulls have no deltas of their own: they are passed on as they are.
  const rest: JsonObject = {
    ...omit(others, REASONING_FIELDS),
    ...(calls.length === 0 && { tool_calls }),
    ...(!isObject(function_call) && { function_call }),
  };
  return [
    opening(role, text, refusal, logprobs),
    // Whole, as Node's helper overwrites a field that it does not know where Python's appends to it.
    ...once(pick(others, REASONING_FIELDS)),
    ...textSteps('content', text ?? '', logprobs, pieceLength),
    ...textSteps('refusal', typeof refusal === 'string' ? refusal : '', logprobs, pieceLength),
    ...calls.flatMap((call, index) => callDeltas(call, index, pieceLength).map((delta) => ({ delta }))),
    ...functionCallDeltas(function_call, pieceLength).map((delta) => ({ delta })),
    // Whole as well: lists without an index, such as annotations, would double in Python.
    ...once(rest),
  ];
}

function opening(
  role: Json | undefined,
  text: string | null,
  refusal: Json | undefined,
  logprobs: Json | undefined,
): Step {
  return {
    delta: {
      role: role ?? 'assistant',
      content: text === null ? null : '',
      refusal: refusal === '' || refusal === undefined ? refusal : null,
    },
    logprobs: isObject(logprobs) ? emptied(logprobs) : null,
  };
}

function textSteps(field: TextField, text: string, logprobs: Json | undefined, pieceLength: number): Step[] {
  const pieces = splitText(text, pieceLength);
  const tokens = tokensOf(logprobs, field);
  if (pieces.length === 0 && tokens.length > 0) return [{ delta: {}, logprobs: part(field, tokens) }];
  const shares = deal(tokens, pieces);
  return pieces.map((piece, position) => ({
    delta: { [field]: piece },
    logprobs: part(field, shares[position] ?? []),
  }));
}

function once(delta: JsonObject): Step[] {
  return Object.values(delta).some((value) => value !== undefined) ? [{ delta }] : [];
}

function pick(fields: JsonObject, names: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => names.has(name)));
}

function omit(fields: JsonObject, names: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !names.has(name)));
}
