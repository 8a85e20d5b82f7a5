import fc from 'fast-check';
import { isObject, type Json, type JsonObject, parseJson } from '../../lib/json.ts';
import type { ReplayEvent } from '../../lib/replay/format.ts';
import { messagesFormat } from '../../lib/replay/messages.ts';

export const OPTIONS = { pieceLength: 10, includeUsage: false };

export const USAGE = {
  input_tokens: 9,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 4,
  cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
  output_tokens: 12,
  output_tokens_details: { thinking_tokens: 5 },
  server_tool_use: { web_search_requests: 1, web_fetch_requests: 0 },
  service_tier: 'standard',
  inference_geo: null,
};

export function messageOf(content: readonly JsonObject[], fields: JsonObject = {}): JsonObject {
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-4-5',
    content: [...content],
    stop_reason: 'end_turn',
    stop_sequence: null,
    stop_details: null,
    usage: USAGE,
    ...fields,
  };
}

export function replayed(message: JsonObject, options = OPTIONS): ReplayEvent[] {
  const events = messagesFormat.replay(message, options);
  if (!events) throw new Error('The message was not replayed.');
  return events;
}

/** The data of each event, whose `type` has to be its name. */
export function told(events: readonly ReplayEvent[]): JsonObject[] {
  return events.map(({ event, data }) => {
    const parsed = parseJson(data);
    if (!isObject(parsed) || parsed['type'] !== event) throw new Error('An event repeats its name.');
    return parsed;
  });
}

/** The deltas of all blocks, in order. */
export function deltasOf(events: readonly ReplayEvent[]): JsonObject[] {
  return told(events).flatMap(({ type, delta }) => (type === 'content_block_delta' && isObject(delta) ? [delta] : []));
}

export function startsOf(events: readonly ReplayEvent[]): JsonObject[] {
  return told(events).flatMap(({ content_block }) => (isObject(content_block) ? [content_block] : []));
}

/** What collecting a replay gives back: what Anthropic always sends is filled in, and what is no block left out. */
export function normal(message: JsonObject): JsonObject {
  const { id, role, model, content, stop_reason, stop_sequence, usage } = message;
  const { input_tokens, output_tokens, ...counts } = isObject(usage) ? usage : {};
  const count = (value: Json | undefined) => (typeof value === 'number' ? value : 0);
  const filled = (value: Json | undefined, other: string) => (typeof value === 'string' && value ? value : other);
  return {
    ...message,
    id: filled(id, 'msg_unknown'),
    type: 'message',
    role: filled(role, 'assistant'),
    model: filled(model, 'unknown'),
    content: Array.isArray(content) ? content.filter(isObject) : [],
    stop_reason: stop_reason ?? null,
    stop_sequence: stop_sequence ?? null,
    usage: { ...counts, input_tokens: count(input_tokens), output_tokens: count(output_tokens) },
  };
}

export function asJson(value: unknown): JsonObject {
  const parsed = parseJson(JSON.stringify(value));
  if (!isObject(parsed)) throw new Error('This is no object.');
  return parsed;
}

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.string({ unit: fc.oneof(fc.constantFrom('\ud800', '\r\n', ' ', '🇩🇪', '"', '\\'), fc.string({ unit: 'binary' })) }),
);
const name = fc.stringMatching(/^[a-z_]{1,20}$/);
const any = fc.jsonValue({ maxDepth: 3 });
/** Unknown fields get a name of their own, so that they do not overwrite the known ones. */
const extras = fc.dictionary(
  name.map((word) => `x_${word}`),
  any,
  { maxKeys: 2 },
);
const input = fc.dictionary(fc.oneof(name, text), fc.oneof(any, text), { maxKeys: 3 });
const citation = fc.record({
  type: fc.constant('char_location'),
  cited_text: text,
  document_index: fc.nat(9),
  document_title: fc.option(name),
  start_char_index: fc.nat(99),
  end_char_index: fc.nat(99),
});

/** The kinds of block that a client of the plain interface knows. */
export const knownBlock: fc.Arbitrary<JsonObject> = fc
  .oneof(
    fc.record(
      { type: fc.constant('text'), text, citations: fc.option(fc.array(citation, { maxLength: 3 })) },
      { requiredKeys: ['type', 'text'] },
    ),
    fc.record({ type: fc.constant('thinking'), thinking: text, signature: text }),
    fc.record({ type: fc.constant('redacted_thinking'), data: text }),
    fc.record({ type: fc.constantFrom('tool_use', 'server_tool_use'), id: name, name, input }),
    fc.record({ type: fc.constant('web_search_tool_result'), tool_use_id: name, content: fc.array(extras) }),
  )
  .map(asJson);

const betaBlock = fc.oneof(
  fc.record({ type: fc.constant('mcp_tool_use'), id: name, name, server_name: name, input }),
  fc.record(
    { type: fc.constant('compaction'), content: fc.option(text), encrypted_content: fc.option(text) },
    { requiredKeys: ['type', 'content'] },
  ),
);

const oddBlock = fc.oneof(
  fc.record(
    {
      type: fc.constantFrom('text', 'thinking', 'tool_use', 'compaction', 'x', 7),
      text: any,
      thinking: any,
      signature: any,
      citations: any,
      input: any,
      content: any,
    },
    { requiredKeys: [] },
  ),
  any,
);

const fields = {
  id: name,
  type: fc.constant('message'),
  role: fc.constant('assistant'),
  model: name,
  stop_reason: fc.constantFrom('end_turn', 'max_tokens', 'tool_use', 'stop_sequence', 'refusal', null),
  stop_sequence: fc.option(text),
  usage: fc.record(
    {
      input_tokens: fc.nat(),
      output_tokens: fc.nat(),
      cache_read_input_tokens: fc.option(fc.nat()),
      cache_creation: fc.option(extras),
      output_tokens_details: fc.option(fc.record({ thinking_tokens: fc.nat() })),
      server_tool_use: fc.option(extras),
      service_tier: fc.constantFrom('standard', null),
    },
    { requiredKeys: ['input_tokens', 'output_tokens'] },
  ),
  stop_details: fc.option(extras),
  container: fc.option(fc.record({ id: name, expires_at: name })),
};
const requiredKeys = ['id', 'type', 'role', 'model', 'stop_reason', 'stop_sequence', 'usage', 'content'] as const;

/** Messages as the plain interface gives them. */
export const plainMessage: fc.Arbitrary<JsonObject> = fc
  .tuple(
    fc.record({ ...fields, content: fc.array(knownBlock, { maxLength: 4 }) }, { requiredKeys: [...requiredKeys] }),
    extras,
  )
  .map(([known, unknown]) => asJson({ ...unknown, ...known }));

/** Messages with whatever the replay knows and some that it does not. */
export const anyMessage: fc.Arbitrary<JsonObject> = fc
  .tuple(
    fc.record(
      {
        ...fields,
        content: fc.array(fc.oneof(knownBlock, betaBlock, extras), { maxLength: 4 }),
        context_management: fc.option(extras),
        input_transformations: fc.option(fc.array(extras)),
        safeguard_results: fc.option(fc.array(extras)),
      },
      { requiredKeys: [...requiredKeys] },
    ),
    extras,
  )
  .map(([known, unknown]) => asJson({ ...unknown, ...known }));

/** Messages in which any field may be missing or of another type. */
export const oddMessage: fc.Arbitrary<JsonObject> = fc
  .record(
    {
      id: any,
      role: any,
      model: any,
      stop_reason: any,
      stop_sequence: any,
      stop_details: any,
      container: any,
      context_management: any,
      usage: fc.oneof(
        any,
        fc.record({ input_tokens: any, output_tokens: any, output_tokens_details: any, iterations: any }),
      ),
      content: fc.array(oddBlock, { maxLength: 4 }),
    },
    { requiredKeys: ['content'] },
  )
  .map(asJson);
