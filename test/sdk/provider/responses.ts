import type { JsonObject } from '../../../lib/json.ts';
import { CALLS, REFUSAL, REFUSAL_TOKENS, TEXT, TEXT_TOKENS, THOUGHT, THOUGHT_TOKENS } from './texts.ts';
import { named, obfuscation, type Told, tokens } from './told.ts';

const HEAD = {
  id: 'resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b',
  object: 'response',
  created_at: 1_741_476_542,
};
const SETTINGS = {
  ...{ background: false, error: null, instructions: null, max_output_tokens: null, model: 'gpt-5-2025-08-07' },
  ...{ parallel_tool_calls: true, previous_response_id: null, reasoning: { effort: 'medium', summary: 'detailed' } },
  ...{ service_tier: 'default', store: true, temperature: 1, text: { format: { type: 'text' }, verbosity: 'medium' } },
  ...{
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    truncation: 'disabled',
    user: null,
    metadata: { 'a key': 'ein Wert 值' },
  },
};
const USAGE = {
  ...{ input_tokens: 81, input_tokens_details: { cached_tokens: 64 } },
  ...{ output_tokens: 1035, output_tokens_details: { reasoning_tokens: 832 }, total_tokens: 1116 },
};

type Event = JsonObject & { readonly type: string };
/** An item of the output, and the events between its first and its last, without what all of them have. */
interface Item {
  readonly whole: JsonObject;
  readonly start: JsonObject;
  readonly events: readonly Event[];
}

function told(items: readonly Item[], ended: JsonObject = { status: 'completed', incomplete_details: null }): Told {
  const whole = { ...HEAD, ...SETTINGS, ...ended, output: items.map((item) => item.whole), usage: USAGE };
  const begun = { ...HEAD, ...SETTINGS, status: 'in_progress', incomplete_details: null, output: [], usage: null };
  const events: Event[] = [
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
    ...items.flatMap((item, output_index) => [
      { type: 'response.output_item.added', output_index, item: item.start },
      ...item.events.map((event) => ({ ...event, item_id: item.whole['id'], output_index })),
      { type: 'response.output_item.done', output_index, item: item.whole },
    ]),
    { type: `response.${ended['status']}`, response: whole },
  ];
  return {
    whole,
    frames: () =>
      events.map((event, sequence_number) =>
        named({
          ...event,
          sequence_number,
          ...(event.type.endsWith('.delta') && { obfuscation: obfuscation(sequence_number) }),
        }),
      ),
  };
}

/** A text of a part, its deltas and its end. */
function spelled(name: string, list: readonly string[], place: JsonObject, field: string): Event[] {
  return [
    ...list.map((delta) => ({ type: `response.${name}.delta`, ...place, delta })),
    { type: `response.${name}.done`, ...place, [field]: list.join('') },
  ];
}

const thought = (id: string, encrypted_content: string, parts: readonly (readonly string[])[]): Item => ({
  whole: {
    ...{ id, type: 'reasoning', encrypted_content },
    summary: parts.map((list) => ({ type: 'summary_text', text: list.join('') })),
  },
  start: { id, type: 'reasoning', summary: [], encrypted_content: 'gAAAAABo' },
  events: parts.flatMap((list, summary_index) => [
    { type: 'response.reasoning_summary_part.added', summary_index, part: { type: 'summary_text', text: '' } },
    ...spelled('reasoning_summary_text', list, { summary_index }, 'text'),
    {
      ...{ type: 'response.reasoning_summary_part.done', summary_index },
      part: { type: 'summary_text', text: list.join('') },
    },
  ]),
});

function message(id: string, part: JsonObject, empty: JsonObject, events: readonly Event[]): Item {
  const head = { id, type: 'message', role: 'assistant' };
  const place = { content_index: 0 };
  return {
    whole: { ...head, status: 'completed', content: [part] },
    start: { ...head, status: 'in_progress', content: [] },
    events: [
      { type: 'response.content_part.added', ...place, part: empty },
      ...events.map((event) => ({ ...event, ...place })),
      { type: 'response.content_part.done', ...place, part },
    ],
  };
}

const logprob = (token: string, at: number) => ({
  ...{ token, logprob: -(at % 7) / 8, bytes: [...Buffer.from(token)] },
  top_logprobs: [{ token: ' other', logprob: -4.5, bytes: [32] }],
});
const LOGPROBS = TEXT_TOKENS.map(logprob);
const CITATIONS = [
  {
    type: 'url_citation',
    start_index: 0,
    end_index: 21,
    url: 'https://example.com/münchen?q=1',
    title: 'München — 慕尼黑',
  },
  { type: 'url_citation', start_index: 47, end_index: 60, url: 'https://example.org/', title: '天気 ☀️' },
];
/** A citation is told as soon as the text has come that it is of. */
const textEvents: Event[] = [
  ...TEXT_TOKENS.flatMap((delta, at): Event[] => [
    { type: 'response.output_text.delta', delta, logprobs: [logprob(delta, at)] },
    ...[20, 40].flatMap((place, annotation_index) =>
      place === at
        ? [
            {
              ...{ type: 'response.output_text.annotation.added', annotation_index },
              annotation: CITATIONS[annotation_index] ?? {},
            },
          ]
        : [],
    ),
  ]),
  { type: 'response.output_text.done', text: TEXT, logprobs: LOGPROBS },
];
const text = message(
  'msg_67ccd2bf17f0819081ff3bb2cf6508e6',
  { type: 'output_text', text: TEXT, annotations: CITATIONS, logprobs: LOGPROBS },
  { type: 'output_text', text: '', annotations: [], logprobs: [] },
  textEvents,
);

const call = (position: number): Item => {
  const [name, input] = CALLS[position] ?? ['now', {}];
  const json = JSON.stringify(input);
  const head = {
    id: `fc_67ccd2bf17f0819081ff3bb2cf6508${position}`,
    type: 'function_call',
    call_id: `call_${position}`,
    name,
  };
  return {
    whole: { ...head, status: 'completed', arguments: json },
    start: { ...head, status: 'in_progress', arguments: '' },
    events: spelled('function_call_arguments', tokens(json, 8), {}, 'arguments'),
  };
};

/** An item of a tool that OpenAI runs itself: what is told of it at the end only, and what happens meanwhile. */
const hosted = (item: JsonObject & { readonly type: string }, later: JsonObject, happened: readonly Event[]): Item => ({
  whole: { ...item, ...later, status: 'completed' },
  start: { ...item, status: 'in_progress' },
  events: happened,
});
const happens = (type: string, ...what: readonly string[]): Event[] =>
  what.map((name) => ({ type: `response.${type}.${name}` }));
const CODE = ['print', '("Grö', 'ße"', ', 1', ' + 2)', '  # 草\n'];
const SCRIPT = ['ls', ' -la', ' "/tmp/', 'Größe', ' 草"', '\n'];
const QUESTION = ['{"question', '":"What', ' is it? 问', '"}'];
const HOSTED = [
  hosted(
    { id: 'ws_67ccd3a9da7481908f', type: 'web_search_call' },
    { action: { type: 'search', query: 'Wetter — 天気 ☀️', queries: ['Wetter — 天気 ☀️'] } },
    happens('web_search_call', 'in_progress', 'searching', 'completed'),
  ),
  hosted(
    { id: 'ci_67ccd3a9da7481908f', type: 'code_interpreter_call', container_id: 'cntr_1', code: '', outputs: [] },
    { code: CODE.join(''), outputs: [{ type: 'logs', logs: 'Größe 3\n' }] },
    [
      ...happens('code_interpreter_call', 'in_progress'),
      ...spelled('code_interpreter_call_code', CODE, {}, 'code'),
      ...happens('code_interpreter_call', 'interpreting', 'completed'),
    ],
  ),
  hosted(
    { id: 'ctc_67ccd3a9da7481908f', type: 'custom_tool_call', call_id: 'call_c', name: 'shell', input: '' },
    { input: SCRIPT.join('') },
    spelled('custom_tool_call_input', SCRIPT, {}, 'input'),
  ),
  hosted(
    {
      ...{ id: 'mcp_67ccd3a9da7481908f', type: 'mcp_call', approval_request_id: null, arguments: '', error: null },
      ...{ name: 'ask', output: null, server_label: 'deepwiki' },
    },
    { arguments: QUESTION.join(''), output: 'An answer. 答' },
    [
      ...happens('mcp_call', 'in_progress'),
      ...spelled('mcp_call_arguments', QUESTION, {}, 'arguments'),
      ...happens('mcp_call', 'completed'),
    ],
  ),
  hosted(
    { id: 'ig_67ccd3a9da7481908f', type: 'image_generation_call' },
    { result: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAAB', output_format: 'png', size: '1024x1024', quality: 'low' },
    happens('image_generation_call', 'in_progress', 'generating', 'completed'),
  ),
];

/** OpenAI's Responses. */
export const responses: Record<string, Told> = {
  text: told([text]),
  thoughts: told(
    [
      thought('rs_67ccd2bf17f0819081ff3bb2cf6508e1', 'gAAAAABoISQ24OyVRYbkYfukdJoqdzWT', [
        THOUGHT_TOKENS,
        ['**Then**', ' I think', ' again. 再想', '想。'],
      ]),
      text,
    ],
    { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
  ),
  hosted: told([...HOSTED, text]),
  refusal: told([
    message(
      'msg_67ccd2bf17f0819081ff3bb2cf6508e7',
      { type: 'refusal', refusal: REFUSAL },
      { type: 'refusal', refusal: '' },
      spelled('refusal', REFUSAL_TOKENS, {}, 'refusal'),
    ),
  ]),
  tools: told([
    thought('rs_67ccd2bf17f0819081ff3bb2cf6508e2', 'gAAAAABoISQ24OyVRYbkYfukdJoqdzWU', [[THOUGHT]]),
    call(0),
    call(1),
    call(2),
  ]),
};
