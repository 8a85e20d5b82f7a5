import OpenAI from 'openai';
import type { ChatCompletionChunk, ChatCompletionTool } from 'openai/resources/chat/completions';
import { Stream } from 'openai/streaming';
import { isObject, type Json } from '../../../lib/json.ts';
import { all, bare, type Client, type Connection, KEY } from './client.ts';
import { ANNOTATIONS, UNKNOWN_FIELDS } from './notes.ts';
import { gatheredChunks } from './openai-chunks.ts';
import { SCHEMAS } from './tools.ts';

const name = 'openai';
const scenarios = ['text', 'thoughts', 'refusal', 'tools', 'choices', 'citations', 'custom'];
const tools = Object.entries(SCHEMAS).map(
  ([name, parameters]): ChatCompletionTool => ({ type: 'function', function: { name, parameters } }),
);
const strictTools = Object.entries(SCHEMAS).map(
  ([name, parameters]): ChatCompletionTool => ({ type: 'function', function: { name, parameters, strict: true } }),
);

const ask = { model: 'gpt-4.1', messages: [{ role: 'user' as const, content: 'Hello 👋' }] };
const stream_options = { include_usage: true };

/** What the client makes of a stream that is at a URL of its own. */
export async function eventsAt<Event>(connection: Connection, url: string): Promise<Event[]> {
  const response = await openai(connection).get(url).asResponse();
  return all(Stream.fromSSEResponse<Event>(response, new AbortController()));
}

export function openai({ url, headers, fetch }: Connection): OpenAI {
  return new OpenAI({ apiKey: KEY, baseURL: `${url}/v1`, maxRetries: 0, defaultHeaders: headers, fetch });
}

const create: Client = {
  ...{ name, package: name, format: 'chat', scenarios },
  calls: '`chat.completions.create`',
  notes: [ANNOTATIONS],
  events: (connection, url) => eventsAt<ChatCompletionChunk>(connection, url),
  whole: async (connection) => bare(await openai(connection).chat.completions.create({ ...ask, tools })),
  async streamed(connection) {
    const stream = await openai(connection).chat.completions.create({ ...ask, tools, stream: true, stream_options });
    return gatheredChunks(stream);
  },
};

/** The helper, which parses the arguments of strict tools, refuses others, and has no whole form where an answer may be cut off. */
const helper: Client = {
  ...{ name, package: name, format: 'chat', whole: create.whole },
  calls: '`chat.completions.stream`',
  scenarios: ['text', 'thoughts', 'refusal', 'choices', 'citations', 'custom'],
  mute: ['thoughts'],
  notes: [ANNOTATIONS, UNKNOWN_FIELDS],
  streamed: (connection) => helped(connection, []),
};

const strictHelper: Client = {
  ...{ name, package: name, format: 'chat', scenarios: ['text', 'tools'], notes: [ANNOTATIONS] },
  calls: '`chat.completions.parse` and `.stream`, strict tools',
  whole: async (to) => bare(await openai(to).chat.completions.parse({ ...ask, tools: strictTools })),
  streamed: (connection) => helped(connection, strictTools),
};

async function helped(connection: Connection, tools: ChatCompletionTool[]): Promise<Json> {
  const stream = openai(connection).chat.completions.stream({ ...ask, tools, stream_options });
  const told = { content: '', refusal: '', logprobs: 0 };
  const done: unknown[] = [];
  stream.on('content.delta', ({ delta }) => (told.content += delta));
  stream.on('refusal.delta', ({ delta }) => (told.refusal += delta));
  stream.on('logprobs.content.delta', ({ content }) => (told.logprobs += content.length));
  stream.on('content.done', (event) => void done.push(event));
  stream.on('refusal.done', (event) => void done.push(event));
  stream.on('tool_calls.function.arguments.done', (event) => void done.push(event));
  const final = bare(await stream.finalChatCompletion(), 'obfuscation');
  // Several choices may be written at the same time, or one after the other.
  if (isSeveral(final)) return bare({ final, done: done.map((event) => JSON.stringify(event)).toSorted() });
  return bare({ final, told, done });
}

function isSeveral(final: Json): boolean {
  return isObject(final) && Array.isArray(final['choices']) && final['choices'].length > 1;
}

/** Runs the tools that are called, and asks again with their results. */
const runnable = Object.entries(SCHEMAS).map(([name, parameters]) => ({
  type: 'function' as const,
  function: { name, parameters, description: name, function: (args: string) => `${name} of ${args.length}` },
}));
const runTools: Client = {
  ...{ name, package: name, format: 'chat', scenarios: ['tools'] },
  calls: '`chat.completions.runTools`',
  notes: [ANNOTATIONS],
  async whole(connection) {
    const runner = openai(connection).chat.completions.runTools({ ...ask, tools: runnable });
    const final = await runner.finalChatCompletion();
    return bare({ final, messages: runner.messages, usage: await runner.totalUsage() });
  },
  async streamed(connection) {
    const again = { ...ask, tools: runnable, stream: true as const, stream_options };
    const runner = openai(connection).chat.completions.runTools(again);
    const final = await runner.finalChatCompletion();
    return bare({ final, messages: runner.messages, usage: await runner.totalUsage() }, 'obfuscation');
  },
};

export const openaiChat: readonly Client[] = [create, helper, strictHelper, runTools];
