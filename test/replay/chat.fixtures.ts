import fc from 'fast-check';
import OpenAI from 'openai';
import { isObject, type JsonObject, parseJson } from '../../lib/json.ts';
import { chatFormat } from '../../lib/replay/chat.ts';
import type { ReplayEvent } from '../../lib/replay/format.ts';

export const OPTIONS = { pieceLength: 10, includeUsage: true };

export const USAGE = { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 };

export function replayed(completion: JsonObject, options = OPTIONS): ReplayEvent[] {
  const events = chatFormat.replay(completion, options);
  if (!events) throw new Error('The completion was not replayed.');
  return events;
}

/** The chunks of a replay, parsed, without the closing `[DONE]`. */
export function chunksOf(events: readonly ReplayEvent[]): JsonObject[] {
  return events.map(({ data }) => parseJson(data)).filter(isObject);
}

/** The choices of all chunks, in order. */
export function framesOf(events: readonly ReplayEvent[]): JsonObject[] {
  return chunksOf(events).flatMap(({ choices }) => (Array.isArray(choices) ? choices.filter(isObject) : []));
}

export function deltasOf(events: readonly ReplayEvent[]): JsonObject[] {
  return framesOf(events).map(({ delta }) => (isObject(delta) ? delta : {}));
}

export function toolCallsOf(events: readonly ReplayEvent[]): JsonObject[] {
  return deltasOf(events).flatMap(({ tool_calls }) => (Array.isArray(tool_calls) ? tool_calls.filter(isObject) : []));
}

export function completionOf(message: JsonObject, choice: JsonObject = {}): JsonObject {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1_700_000_000,
    model: 'gpt-5',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: null, refusal: null, ...message },
        finish_reason: 'stop',
        ...choice,
      },
    ],
    usage: USAGE,
  };
}

/** A client whose every call is answered with these events, a heartbeat before each. */
export function clientOf(events: readonly ReplayEvent[]): OpenAI {
  const body = events.map(({ data }) => `${chatFormat.heartbeat}data: ${data}\n\n`).join('');
  const fetch = async () => new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  return new OpenAI({ apiKey: 'test', maxRetries: 0, fetch });
}

/** What the official client's helper makes of the events. */
export function accumulate(events: readonly ReplayEvent[]) {
  return clientOf(events)
    .chat.completions.stream({ model: 'any', messages: [{ role: 'user', content: 'Hello' }] })
    .finalChatCompletion();
}

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.string({
    unit: fc.oneof(
      fc.constantFrom('\ud800', '\udc00', '\r\n', ' ', '\u0301', '🇩🇪'),
      fc.string({ unit: 'binary', maxLength: 1 }),
    ),
  }),
);
const name = fc.stringMatching(/^[a-z_]{1,20}$/);
/** Unknown fields get a name of their own, so that they do not overwrite the known ones. */
const extras = fc.dictionary(
  name.map((word) => `x_${word}`),
  fc.jsonValue({ maxDepth: 2 }),
  { maxKeys: 2 },
);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });

const toolCall = fc.record({ id: name, args: text, name, isCustom: fc.boolean(), extras }).map((call) => ({
  ...call.extras,
  id: call.id,
  ...(call.isCustom
    ? { type: 'custom', custom: { name: call.name, input: call.args } }
    : { type: 'function', function: { name: call.name, arguments: call.args } }),
}));

const token = fc.record({
  token: text,
  logprob: fc.constantFrom(-0.5, -1.25, -9999),
  bytes: maybe(fc.array(fc.nat(255), { maxLength: 4 })),
  top_logprobs: fc.constantFrom([], [{ token: 'a', logprob: -1, bytes: [97] }]),
});
const tokens = maybe(fc.array(token, { maxLength: 30 }));

const message = fc.record(
  {
    role: fc.constant('assistant'),
    content: maybe(text),
    refusal: maybe(text),
    reasoning_content: maybe(text),
    reasoning: text,
    annotations: fc.array(fc.record({ type: fc.constant('url_citation'), url: text }), { maxLength: 2 }),
    tool_calls: fc.oneof(fc.array(toolCall, { maxLength: 3 }), fc.constant(null)),
    function_call: fc.record({ name, arguments: text }),
    audio: maybe(fc.record({ id: name, data: text, expires_at: fc.nat(), transcript: text })),
    images: fc.array(fc.record({ type: fc.constant('image_url') }), { maxLength: 2 }),
  },
  { requiredKeys: ['role', 'content'] },
);

const choice = fc
  .record(
    {
      finish_reason: fc.constantFrom('stop', 'length', 'tool_calls', 'content_filter'),
      logprobs: maybe(fc.record({ content: tokens, refusal: tokens })),
      message: fc.tuple(message, extras).map(([known, unknown]) => ({ ...unknown, ...known })),
    },
    { requiredKeys: ['finish_reason', 'message'] },
  )
  .chain((known) => extras.map((unknown) => ({ ...unknown, ...known })));

/** Completions as providers store them, with every field that the replay knows and some that it does not. */
export const anyCompletion: fc.Arbitrary<JsonObject> = fc
  .record(
    {
      id: name,
      created: fc.nat(),
      model: name,
      service_tier: maybe(name),
      system_fingerprint: maybe(name),
      citations: fc.array(fc.webUrl(), { maxLength: 2 }),
      usage: fc.constant(USAGE),
      choices: fc.array(choice, { maxLength: 3 }),
    },
    { requiredKeys: ['id', 'created', 'model', 'choices'] },
  )
  .chain((known) => extras.map((unknown) => ({ ...unknown, ...known })))
  .map(({ choices, ...fields }) => {
    const stored = { ...fields, object: 'chat.completion', choices: choices.map((one, index) => ({ ...one, index })) };
    const asJson = parseJson(JSON.stringify(stored));
    if (!isObject(asJson)) throw new Error('A completion is an object.');
    return asJson;
  });
