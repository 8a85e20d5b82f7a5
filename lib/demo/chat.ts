import type { JsonObject } from '../json.ts';
import { type Answer, answer, pieces } from './answer.ts';
import { type Ask, conversation, object, objects, string, type ToolMode, textOf } from './ask.ts';
import { randomId } from './ids.ts';
import { eventStream, type Reply } from './reply.ts';

/** `tool_choice` as a mode and, for a named function, its name. */
function choiceOf(body: JsonObject): { mode: ToolMode; only: string[] | undefined } {
  const choice = body['tool_choice'];
  if (choice === 'required') return { mode: 'force', only: undefined };
  if (choice === 'none') return { mode: 'none', only: undefined };
  const name = string(object(object(choice)['function'])['name']);
  return name === undefined ? { mode: 'auto', only: undefined } : { mode: 'force', only: [name] };
}

function askOf(body: JsonObject): Ask {
  const turns = conversation(body, 'messages').map((message) => {
    const role = message['role'];
    return { role: role === 'user' || role === 'tool' ? role : 'other', text: textOf(message['content']) } as const;
  });
  const tools = objects(body['tools']).flatMap((tool) => {
    const definition = object(tool['function']);
    const name = string(definition['name']);
    return name === undefined ? [] : [{ name, schema: object(definition['parameters']) }];
  });
  const model = string(body['model']) ?? 'demo-echo';
  return { model, turns, tools, ...choiceOf(body), parallel: body['parallel_tool_calls'] !== false };
}

function completion(head: object, said: Answer, usage: object): object {
  const calls = said.calls.map(({ name, json }) => ({
    id: randomId('call_'),
    type: 'function',
    function: { name, arguments: json },
  }));
  const message = {
    role: 'assistant',
    content: calls.length > 0 ? null : said.text,
    refusal: null,
    annotations: [],
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
  const choice = { index: 0, message, logprobs: null, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop' };
  return { ...head, object: 'chat.completion', choices: [choice], usage };
}

function* chunks(head: object, said: Answer, usage: object | undefined): Generator<object> {
  const chunk = (delta: object, finish_reason: string | null = null) => ({
    ...head,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, logprobs: null, finish_reason }],
    ...(usage === undefined ? {} : { usage: null }),
  });
  const called = said.calls.length > 0;
  yield chunk({ role: 'assistant', content: called ? null : '', refusal: null });
  for (const content of pieces(said.text)) yield chunk({ content });
  for (const [index, { name, json }] of said.calls.entries()) {
    const opened = { index, id: randomId('call_'), type: 'function', function: { name, arguments: '' } };
    yield chunk({ tool_calls: [opened] });
    for (const piece of pieces(json)) yield chunk({ tool_calls: [{ index, function: { arguments: piece } }] });
  }
  yield chunk({}, called ? 'tool_calls' : 'stop');
  if (usage !== undefined) yield { ...head, object: 'chat.completion.chunk', choices: [], usage };
}

/** `POST /v1/chat/completions`, as OpenAI answers it. */
export function chat(body: JsonObject, length: number | undefined): Reply {
  const ask = askOf(body);
  const said = answer(ask, length);
  const head = {
    id: randomId('chatcmpl-'),
    created: Math.floor(Date.now() / 1000),
    model: ask.model,
    system_fingerprint: 'fp_demo',
  };
  const usage = {
    prompt_tokens: said.inputTokens,
    completion_tokens: said.outputTokens,
    total_tokens: said.inputTokens + said.outputTokens,
  };
  if (body['stream'] !== true) return { json: completion(head, said, usage) };
  const counted = object(body['stream_options'])['include_usage'] === true;
  const events = Array.from(
    chunks(head, said, counted ? usage : undefined),
    (chunk) => `data: ${JSON.stringify(chunk)}\n\n`,
  );
  return { contentType: eventStream, frames: [...events, 'data: [DONE]\n\n'] };
}
