import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import type { RawMessageStreamEvent, Tool } from '@anthropic-ai/sdk/resources/messages';
import { Stream } from '@anthropic-ai/sdk/streaming';
import { isObject, type Json } from '../../../lib/json.ts';
import { all, bare, type Client, type Connection, KEY } from './client.ts';
import { merged } from './merge.ts';
import { CITATIONS, FIRST_TOKENS, SPELLING } from './notes.ts';
import { SCHEMAS } from './tools.ts';

const name = '@anthropic-ai/sdk';
const scenarios = ['text', 'thoughts', 'refusal', 'tools', 'citations', 'hosted'];
const tools = Object.entries(SCHEMAS).map(
  ([name, schema]): Tool => ({ name, input_schema: { ...schema, type: 'object' } }),
);
const messages = [{ role: 'user' as const, content: 'Hello 👋' }];
const ask = { model: 'claude-opus-4-5', max_tokens: 4096, messages };

function anthropic({ url, headers, fetch }: Connection): Anthropic {
  return new Anthropic({ apiKey: KEY, baseURL: url, maxRetries: 0, defaultHeaders: headers, fetch });
}

const create: Client = {
  ...{ name, package: name, format: 'messages', scenarios },
  calls: '`messages.create`',
  notes: [FIRST_TOKENS, SPELLING, CITATIONS],
  async events(connection, url) {
    const response = await anthropic(connection).get(url).asResponse();
    return all(Stream.fromSSEResponse<RawMessageStreamEvent>(response, new AbortController()));
  },
  whole: async (connection) => bare(await anthropic(connection).messages.create({ ...ask, tools })),
  streamed: async (connection) =>
    gatheredEvents(await all(await anthropic(connection).messages.create({ ...ask, tools, stream: true }))),
};

const helper: Client = {
  ...{ name, package: name, format: 'messages', scenarios },
  calls: '`messages.parse` and `.stream`',
  whole: async (connection) => bare(await anthropic(connection).messages.parse({ ...ask, tools })),
  async streamed(connection) {
    const stream = anthropic(connection).messages.stream({ ...ask, tools });
    const told = { text: '', thinking: '', signature: '', citations: 0 };
    const blocks: unknown[] = [];
    stream.on('text', (piece) => (told.text += piece));
    stream.on('thinking', (piece) => (told.thinking += piece));
    stream.on('signature', (signature) => (told.signature += signature));
    stream.on('citation', () => told.citations++);
    stream.on('contentBlock', (block) => void blocks.push(bare(block)));
    return bare({ final: await stream.finalMessage(), told, blocks });
  },
};

const runnable = Object.keys(SCHEMAS).map((name) =>
  betaTool({
    ...{ name, description: name, inputSchema: { type: 'object', properties: {} } },
    run: (input) => `${name} of ${JSON.stringify(input).length}`,
  }),
);
const toolRunner: Client = {
  ...{ name, package: name, format: 'messages', scenarios: ['tools'] },
  calls: '`beta.messages.toolRunner`',
  async whole(connection) {
    const runner = anthropic(connection).beta.messages.toolRunner({ ...ask, tools: runnable });
    return bare({ final: await runner.runUntilDone(), messages: runner.params.messages });
  },
  async streamed(connection) {
    const runner = anthropic(connection).beta.messages.toolRunner({ ...ask, tools: runnable, stream: true });
    return bare({ final: await runner.runUntilDone(), messages: runner.params.messages });
  },
};

export const anthropicMessages: readonly Client[] = [create, helper, toolRunner];

/** The events in their order, the deltas of each kind in a block as one where its first was. */
function gatheredEvents(events: readonly RawMessageStreamEvent[]): Json {
  const gathered = new Map<string, Json>();
  for (const [position, event] of events.entries()) {
    if (event.type !== 'content_block_delta') {
      gathered.set(String(position), bare(event));
      continue;
    }
    const { type, ...fields } = event.delta;
    const key = `${event.index} ${type}`;
    const known = gathered.get(key);
    const told = bare(fields);
    // Citations are told one by one.
    if (type === 'citations_delta') gathered.set(`${key} ${position}`, { type, index: event.index, delta: told });
    else if (isObject(known)) gathered.set(key, { ...known, delta: merged(known['delta'], told) });
    else gathered.set(key, { type, index: event.index, delta: told });
  }
  return bare([...gathered.values()]);
}
