import type { JsonObject } from '../json.ts';
import { type Answer, answer, pieces } from './answer.ts';
import { type Ask, conversation, object, objects, string, type ToolMode, type Turn, textOf } from './ask.ts';
import { randomId } from './ids.ts';
import { eventStream, type Reply } from './reply.ts';

const modes: ReadonlyMap<unknown, ToolMode> = new Map([
  ['any', 'force'],
  ['tool', 'force'],
  ['none', 'none'],
]);

/** A message as a turn; tool results travel inside the user's messages. */
function turnOf(message: JsonObject): Turn {
  const results = objects(message['content']).filter((block) => block['type'] === 'tool_result');
  if (results.length > 0) return { role: 'tool', text: results.map((block) => textOf(block['content'])).join('\n') };
  return { role: message['role'] === 'user' ? 'user' : 'other', text: textOf(message['content']) };
}

function askOf(body: JsonObject): Ask {
  const choice = object(body['tool_choice']);
  const name = choice['type'] === 'tool' ? string(choice['name']) : undefined;
  // Tools without a schema are Anthropic's own (web search …), which are not for the caller to run.
  const tools = objects(body['tools']).flatMap((tool) => {
    const toolName = string(tool['name']);
    const schema = tool['input_schema'];
    return toolName === undefined || schema === undefined ? [] : [{ name: toolName, schema: object(schema) }];
  });
  return {
    model: string(body['model']) ?? 'demo-echo',
    turns: conversation(body, 'messages').map(turnOf),
    tools,
    mode: modes.get(choice['type']) ?? 'auto',
    only: name === undefined ? undefined : [name],
    parallel: choice['disable_parallel_tool_use'] !== true,
  };
}

interface Block {
  /** The block as a whole message holds it. */
  readonly whole: object;
  /** The same, empty, as a stream opens it. */
  readonly opened: object;
  readonly deltas: readonly object[];
}

function blocksOf(said: Answer): Block[] {
  if (said.calls.length === 0) {
    const deltas = pieces(said.text).map((text) => ({ type: 'text_delta', text }));
    return [{ whole: { type: 'text', text: said.text }, opened: { type: 'text', text: '' }, deltas }];
  }
  return said.calls.map(({ name, input, json }) => {
    const head = { type: 'tool_use', id: randomId('toolu_'), name };
    const deltas = ['', ...pieces(json)].map((partial_json) => ({ type: 'input_json_delta', partial_json }));
    return { whole: { ...head, input }, opened: { ...head, input: {} }, deltas };
  });
}

interface StreamEvent {
  readonly type: string;
  readonly [field: string]: unknown;
}

function* events(message: object, said: Answer, stop: object): Generator<StreamEvent> {
  const usage = { input_tokens: said.inputTokens, output_tokens: 0 };
  const opened = { ...message, content: [], stop_reason: null, stop_sequence: null, usage };
  yield { type: 'message_start', message: opened };
  yield { type: 'ping' };
  for (const [index, block] of blocksOf(said).entries()) {
    yield { type: 'content_block_start', index, content_block: block.opened };
    for (const delta of block.deltas) yield { type: 'content_block_delta', index, delta };
    yield { type: 'content_block_stop', index };
  }
  yield { type: 'message_delta', delta: stop, usage: { output_tokens: said.outputTokens } };
  yield { type: 'message_stop' };
}

/** `POST /v1/messages`, as Anthropic answers it. */
export function messages(body: JsonObject, length: number | undefined): Reply {
  const ask = askOf(body);
  const said = answer(ask, length);
  const message = { id: randomId('msg_'), type: 'message', role: 'assistant', model: ask.model };
  const stop = { stop_reason: said.calls.length > 0 ? 'tool_use' : 'end_turn', stop_sequence: null };
  if (body['stream'] !== true) {
    const usage = { input_tokens: said.inputTokens, output_tokens: said.outputTokens };
    return { json: { ...message, content: blocksOf(said).map((block) => block.whole), ...stop, usage } };
  }
  const frames = Array.from(
    events(message, said, stop),
    (event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`,
  );
  return { contentType: eventStream, frames };
}
