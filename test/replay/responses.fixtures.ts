import fc from 'fast-check';
import { isObject, type Json, type JsonObject, parseJson } from '../../lib/json.ts';
import type { ReplayEvent } from '../../lib/replay/format.ts';
import { responsesFormat } from '../../lib/replay/responses.ts';

export const OPTIONS = { pieceLength: 10, includeUsage: false };

export const USAGE = {
  input_tokens: 9,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 12,
  output_tokens_details: { reasoning_tokens: 4 },
  total_tokens: 21,
};

export function replayed(response: JsonObject, options = OPTIONS): ReplayEvent[] {
  const events = responsesFormat.replay(response, options);
  if (!events) throw new Error('The response was not replayed.');
  return events;
}

/** The events of a replay, parsed. */
export function told(events: readonly ReplayEvent[]): JsonObject[] {
  return events.map(({ data }) => parseJson(data)).filter(isObject);
}

export function typesOf(events: readonly ReplayEvent[]) {
  return told(events).map(({ type }) => type);
}

export function responseOf(output: JsonObject[], fields: JsonObject = {}): JsonObject {
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1_700_000_000,
    status: 'completed',
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    model: 'gpt-5',
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    output,
    usage: USAGE,
    ...fields,
  };
}

const TOKENS = ['One ', 'two ', 'three ', 'four.'].map((token) => ({
  token,
  logprob: -1,
  bytes: [1],
  top_logprobs: [],
}));

const CITATION = { type: 'url_citation', start_index: 0, end_index: 3, url: 'https://example.com/', title: 'One' };

export const TEXT_PART = {
  type: 'output_text',
  text: 'One two three four.',
  annotations: [CITATION],
  logprobs: TOKENS,
};

/** Of a kind that is not known here. */
export const UNKNOWN = { id: 'x_1', type: 'x_new', status: 'completed', arguments: 'no' };

/** An item of each kind that is replayed in its own way, and some that come whole. */
export const ITEMS = {
  reasoning: {
    id: 'rs_1',
    type: 'reasoning',
    summary: [
      { type: 'summary_text', text: '**First** I think about it.' },
      { type: 'summary_text', text: '**Then** I think again.' },
    ],
    content: [{ type: 'reasoning_text', text: 'Raw thoughts, at length.' }],
    encrypted_content: 'gAAAAAB',
  },
  message: {
    id: 'msg_1',
    type: 'message',
    status: 'completed',
    role: 'assistant',
    content: [TEXT_PART, { type: 'output_text', text: 'And a second part.', annotations: [] }],
  },
  refusal: {
    id: 'msg_2',
    type: 'message',
    status: 'completed',
    role: 'assistant',
    content: [{ type: 'refusal', refusal: 'I will not help with that.' }],
  },
  call: {
    id: 'fc_1',
    type: 'function_call',
    status: 'completed',
    call_id: 'call_a',
    name: 'weather',
    arguments: '{"city":"M\\u00fcnchen \\"Mitte\\"","days":3}',
  },
  custom: {
    id: 'ctc_1',
    type: 'custom_tool_call',
    status: 'completed',
    call_id: 'call_b',
    name: 'shell',
    input: 'ls -la /tmp | grep one',
  },
  code: {
    id: 'ci_1',
    type: 'code_interpreter_call',
    status: 'completed',
    container_id: 'cntr_1',
    code: 'print("Hello, world")\nprint(1 + 1)',
    outputs: [{ type: 'logs', logs: 'Hello, world\n2\n' }],
  },
  search: {
    id: 'ws_1',
    type: 'web_search_call',
    status: 'completed',
    action: { type: 'search', query: 'weather', queries: ['weather'] },
  },
  files: { id: 'fs_1', type: 'file_search_call', status: 'completed', queries: ['a'], results: null },
  image: { id: 'ig_1', type: 'image_generation_call', status: 'completed', result: 'aGVsbG8=' },
  tools: { id: 'mcpl_1', type: 'mcp_list_tools', server_label: 'deepwiki', tools: [{ name: 'ask', input_schema: {} }] },
  mcp: {
    id: 'mcp_1',
    type: 'mcp_call',
    status: 'completed',
    server_label: 'deepwiki',
    name: 'ask',
    arguments: '{"question":"What is it?"}',
    output: 'An answer.',
    error: null,
    approval_request_id: null,
  },
} satisfies Record<string, JsonObject>;

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.string({ unit: fc.oneof(fc.constantFrom('\\', '"', '\r\n', '🇩🇪'), fc.string({ unit: 'binary', maxLength: 1 })) }),
);
const word = fc.stringMatching(/^[a-z_]{1,20}$/);
/** Unknown fields get a name of their own, so that they do not overwrite the known ones. */
const extras = fc.dictionary(
  word.map((name) => `x_${name}`),
  fc.jsonValue({ maxDepth: 2 }),
  { maxKeys: 2 },
);
const status = fc.constantFrom('completed', 'incomplete', 'in_progress', 'failed');
const token = fc.record({
  token: text,
  logprob: fc.constantFrom(-0.5, -9999),
  bytes: fc.array(fc.nat(255), { maxLength: 4 }),
  top_logprobs: fc.constantFrom<Json[]>([], [{ token: 'a', logprob: -1, bytes: [97] }]),
});
const annotation = fc.constantFrom<JsonObject>(CITATION, { type: 'file_path', file_id: 'f', index: 0 });

const part: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.record(
    {
      type: fc.constant('output_text'),
      text,
      annotations: fc.array(annotation, { maxLength: 2 }),
      logprobs: fc.array(token, { maxLength: 20 }),
    },
    { requiredKeys: ['type', 'text', 'annotations'] },
  ),
  fc.record({ type: fc.constant('refusal'), refusal: text }),
);

const body: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.record({
    type: fc.constant('message'),
    status,
    role: fc.constant('assistant'),
    content: fc.array(part, { maxLength: 3 }),
  }),
  fc.record(
    {
      type: fc.constant('reasoning'),
      summary: fc.array(fc.record({ type: fc.constant('summary_text'), text }), { maxLength: 2 }),
      content: fc.array(fc.record({ type: fc.constant('reasoning_text'), text }), { maxLength: 2 }),
      encrypted_content: fc.option(text, { nil: null }),
      status,
    },
    { requiredKeys: ['type', 'summary'] },
  ),
  fc.record({ type: fc.constant('function_call'), status, call_id: word, name: word, arguments: text }),
  fc.record({ type: fc.constant('custom_tool_call'), status, call_id: word, name: word, input: text }),
  fc.constantFrom<JsonObject>(ITEMS.code, ITEMS.search, ITEMS.files, ITEMS.image, ITEMS.mcp),
  fc.record({ type: word.map((name) => `x_${name}`) }),
);

/** Responses as providers store them, with every field that the replay knows and some that it does not. */
export const anyResponse: fc.Arbitrary<JsonObject> = fc
  .record({
    output: fc.array(fc.tuple(body, extras), { maxLength: 4 }),
    status: fc.constantFrom('completed', 'incomplete', 'failed', 'cancelled', 'in_progress', 'queued'),
    extras,
    usage: fc.constantFrom(USAGE, null),
  })
  .map(({ output, status, usage, extras: more }) => {
    // Identities are each item's own: the official client rejects an item that comes twice.
    const items = output.map(([fields, unknown], index) => ({
      ...unknown,
      ...fields,
      id: `item_${index}`,
      ...('call_id' in fields && { call_id: `call_${index}` }),
    }));
    const stored = parseJson(JSON.stringify({ ...more, ...responseOf(items, { status, usage }) }));
    if (!isObject(stored)) throw new Error('A response is an object.');
    return stored;
  });
