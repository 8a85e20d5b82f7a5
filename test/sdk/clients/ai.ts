import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, jsonSchema, type LanguageModel, stepCountIs, streamText, type ToolSet, tool } from 'ai';
import { isObject, type Json, type JsonObject } from '../../../lib/json.ts';
import type { FormatName } from '../provider.ts';
import { all, bare, type Client, type Connection, KEY } from './client.ts';
import { merged } from './merge.ts';
import { ENCRYPTED, LAST_LOGPROBS, LISTS_OF_LOGPROBS, SPELLING } from './notes.ts';
import { SCHEMAS } from './tools.ts';

/** Tools that run, so that a second step asks with their results. */
const tools: ToolSet = Object.fromEntries(
  Object.entries(SCHEMAS).map(([name, schema]) => [
    name,
    tool<JsonObject, string>({
      inputSchema: jsonSchema<JsonObject>(schema),
      execute: (input) => `${name} of ${JSON.stringify(input).length}`,
    }),
  ]),
);

/** Of the transport, or the time of the call. */
const PASSING = ['headers', 'timestamp', 'request', 'body', 'performance'];

type Step = Awaited<ReturnType<typeof generateText>>['steps'][number];
type Model = Exclude<LanguageModel, string>;

function client(
  packageName: string,
  calls: string,
  format: FormatName,
  scenarios: readonly string[],
  model: (connection: Connection) => Model,
  rest: Pick<Client, 'mute' | 'notes'> = {},
): Client {
  const ask = (connection: Connection) => ({
    ...{ model: model(connection), prompt: 'Hello 👋', maxRetries: 0 },
    ...(scenarios.includes('tools') && { tools }),
    stopWhen: stepCountIs(3),
    // Encrypted thoughts are given only to who keeps them.
    providerOptions: { openai: { store: false, logprobs: 2 } },
  });
  return {
    name: 'ai',
    package: packageName,
    format,
    calls,
    scenarios,
    ...rest,
    async whole(connection) {
      const { steps, totalUsage } = await generateText(ask(connection));
      return bare({ steps: steps.map(said), totalUsage });
    },
    async streamed(connection) {
      const result = streamText({ ...ask(connection), onError: () => undefined });
      const parts = gatheredParts(await all(result.fullStream));
      const steps = await result.steps;
      return bare({ parts, steps: steps.map(said), totalUsage: await result.totalUsage });
    },
  };
}

function said(step: Step): Json {
  const { content, finishReason, rawFinishReason, usage, warnings, providerMetadata, response, text, reasoning } = step;
  const told = { finishReason, rawFinishReason, usage, warnings, providerMetadata, response, text, reasoning };
  return bare({ ...told, content: content.map(withoutOwnIds) }, ...PASSING);
}

/** Sources have ids of the SDK's own making, and so have texts where the format has none. */
function withoutOwnIds(part: object): object {
  const isOwn = 'sourceType' in part || ('id' in part && /^aitxt-/.test(String(part.id)));
  return { ...part, ...(isOwn && { id: null }) };
}

/** The parts in their order, the deltas of each text as one where its first was. */
function gatheredParts(parts: readonly { readonly type: string }[]): Json {
  const gathered = new Map<string, Json>();
  let step = 0;
  for (const [position, part] of parts.entries()) {
    if (part.type === 'start-step') step++;
    const told = bare(withoutOwnIds(part), ...PASSING);
    const isDelta = isObject(told) && part.type.endsWith('-delta');
    const key = isDelta ? `${step} ${part.type} ${told['id']}` : String(position);
    const known = gathered.get(key);
    const field = isObject(told) && 'delta' in told ? 'delta' : 'text';
    if (isDelta && isObject(known)) gathered.set(key, { ...known, [field]: merged(known[field], told[field]) });
    else gathered.set(key, told);
  }
  return [...gathered.values()];
}

const openai = ({ url, headers, fetch }: Connection) =>
  createOpenAI({ apiKey: KEY, baseURL: `${url}/v1`, headers: { ...headers }, fetch });
const anthropic = ({ url, headers, fetch }: Connection) =>
  createAnthropic({ apiKey: KEY, baseURL: `${url}/v1`, headers: { ...headers }, fetch });
const google = ({ url, headers, fetch }: Connection) =>
  createGoogleGenerativeAI({ apiKey: KEY, baseURL: `${url}/v1beta`, headers: { ...headers }, fetch });
const compatible = ({ url, headers, fetch }: Connection) =>
  createOpenAICompatible({
    ...{ name: 'compatible', apiKey: KEY, baseURL: `${url}/v1`, headers: { ...headers }, fetch, includeUsage: true },
  });

const most = ['text', 'thoughts', 'refusal', 'tools'];
export const ai: readonly Client[] = [
  client('@ai-sdk/openai', '`.chat()`', 'chat', most, (to) => openai(to).chat('gpt-4.1'), { mute: ['thoughts'] }),
  client('@ai-sdk/openai', '`.completion()`', 'completions', ['text'], (to) => openai(to).completion('davinci-002'), {
    notes: [LAST_LOGPROBS],
  }),
  client('@ai-sdk/openai', '`.responses()`', 'responses', most, (to) => openai(to).responses('gpt-5'), {
    notes: [ENCRYPTED, LISTS_OF_LOGPROBS],
  }),
  client(
    '@ai-sdk/anthropic',
    '`anthropic()`',
    'messages',
    [...most, 'citations'],
    (to) => anthropic(to)('claude-sonnet-4-5'),
    { notes: [SPELLING], mute: ['citations'] },
  ),
  client('@ai-sdk/google', '`google()`', 'gemini', most, (to) => google(to)('gemini-2.5-flash')),
  client('@ai-sdk/openai-compatible', '`.chatModel()`', 'chat', most, (to) => compatible(to).chatModel('gpt-4.1')),
  client('@ai-sdk/openai-compatible', '`.completionModel()`', 'completions', ['text'], (to) =>
    compatible(to).completionModel('davinci-002'),
  ),
];
