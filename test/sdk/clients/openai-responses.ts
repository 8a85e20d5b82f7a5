import type { FunctionTool, ResponseStreamEvent } from 'openai/resources/responses/responses';
import type { Json, JsonObject } from '../../../lib/json.ts';
import { isObject } from '../../../lib/json.ts';
import { all, bare, type Client } from './client.ts';
import { merged } from './merge.ts';
import { OPENED } from './notes.ts';
import { eventsAt, openai } from './openai-chat.ts';
import { SCHEMAS } from './tools.ts';

const scenarios = ['text', 'thoughts', 'refusal', 'tools', 'hosted'];
const tools = Object.entries(SCHEMAS).map(
  ([name, parameters]): FunctionTool => ({ type: 'function', name, parameters, strict: true }),
);
const ask = { model: 'gpt-5', input: 'Hello 👋', tools };

const create: Client = {
  ...{ name: 'openai', package: 'openai', format: 'responses', scenarios },
  calls: '`responses.create`',
  notes: [OPENED],
  events: (connection, url) => eventsAt<ResponseStreamEvent>(connection, url),
  whole: async (connection) => bare(await openai(connection).responses.create(ask)),
  streamed: async (connection) =>
    gatheredEvents(await all(await openai(connection).responses.create({ ...ask, stream: true }))),
};

const helper: Client = {
  ...{ name: 'openai', package: 'openai', format: 'responses', scenarios },
  calls: '`responses.parse` and `.stream`',
  whole: async (connection) => bare(await openai(connection).responses.parse(ask)),
  async streamed(connection) {
    const stream = openai(connection).responses.stream(ask);
    let text = '';
    let args = '';
    stream.on('response.output_text.delta', ({ delta }) => (text += delta));
    stream.on('response.function_call_arguments.delta', ({ delta }) => (args += delta));
    return bare({ final: await stream.finalResponse(), text, args });
  },
};

export const openaiResponses: readonly Client[] = [create, helper];

/** All events in their order, the deltas of each text as one where its first was; their numbers have to count them. */
function gatheredEvents(events: readonly ResponseStreamEvent[]): Json {
  const numbers = events.map((event) => ('sequence_number' in event ? event.sequence_number : null));
  const gathered = new Map<string, Json>();
  for (const [position, event] of events.entries()) {
    const { sequence_number: _, obfuscation: __, ...told } = objectOf(bare(event));
    const { type, output_index, content_index = null, summary_index = null } = told;
    const isDelta = event.type.endsWith('.delta');
    const key = isDelta ? JSON.stringify([type, output_index, content_index, summary_index]) : String(position);
    const { delta, logprobs, ...place } = told;
    const known = gathered.get(key);
    if (isDelta && isObject(known)) {
      gathered.set(key, { ...known, ...objectOf(merged(pick(known), pick(told))) });
    } else gathered.set(key, isDelta ? { ...place, ...pick(told) } : told);
  }
  return bare({ isCounted: numbers.every((number, index) => number === index), events: [...gathered.values()] });
}

function pick({ delta, logprobs }: JsonObject): JsonObject {
  return { delta, logprobs };
}

function objectOf(value: Json | undefined): JsonObject {
  if (!isObject(value)) throw new Error('An event is an object.');
  return value;
}
