import { anthropic as anthropicTools, createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, jsonSchema, type LanguageModel, stepCountIs, streamText, type ToolSet, tool } from 'ai';
import { isObject, type Json, type JsonObject, parseJson } from '../../../lib/json.ts';
import type { FormatName } from '../provider.ts';
import { all, bare, type Client, type Connection, KEY } from './client.ts';
import { merged } from './merge.ts';
import { LAST_LOGPROBS, LISTS_OF_LOGPROBS, OPENED, SOURCES, SPELLING } from './notes.ts';
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
  { hosted = {}, ...rest }: Pick<Client, 'mute' | 'notes'> & { readonly hosted?: ToolSet } = {},
): Client {
  const ask = (connection: Connection) => ({
    ...{ model: model(connection), prompt: 'Hello 👋', maxRetries: 0 },
    ...(scenarios.includes('tools') && { tools: { ...tools, ...hosted } }),
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
      // Without a listener it prints errors, which are parts of the stream too.
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
  return plain({ ...told, content });
}

/** As JSON, without what passes and without the ids that the SDK makes up where the format has none. */
function plain(value: unknown): Json {
  const text = JSON.stringify(bare(value, ...PASSING), (_name, part: unknown) => {
    if (!isObject(part)) return part;
    const hasOwnId = 'sourceType' in part || /^aitxt-/.test(String(part['id']));
    return {
      ...part,
      ...(hasOwnId && { id: null }),
      ...(part['toolName'] === 'code_execution' && { toolCallId: null }),
    };
  });
  return parseJson(text) ?? null;
}

/** The parts in their order, the deltas of each text as one where its first was. */
function gatheredParts(parts: readonly { readonly type: string }[]): Json {
  const gathered = new Map<string, Json>();
  let step = 0;
  for (const [position, part] of parts.entries()) {
    if (part.type === 'start-step') step++;
    const told = plain(part);
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
  client('@ai-sdk/openai', '`.chat()`', 'chat', [...most, 'citations'], (to) => openai(to).chat('gpt-4.1'), {
    mute: ['thoughts'],
  }),
  client('@ai-sdk/openai', '`.completion()`', 'completions', ['text'], (to) => openai(to).completion('davinci-002'), {
    notes: [LAST_LOGPROBS],
  }),
  client('@ai-sdk/openai', '`.responses()`', 'responses', [...most, 'hosted'], (to) => openai(to).responses('gpt-5'), {
    notes: [OPENED, LISTS_OF_LOGPROBS],
  }),
  client(
    '@ai-sdk/anthropic',
    '`anthropic()`',
    'messages',
    [...most, 'citations', 'hosted'],
    (to) => anthropic(to)('claude-sonnet-4-5'),
    { notes: [SPELLING], mute: ['citations'], hosted: { web_search: anthropicTools.tools.webSearch_20250305() } },
  ),
  client('@ai-sdk/google', '`google()`', 'gemini', [...most, 'hosted'], (to) => google(to)('gemini-2.5-flash'), {
    notes: [SOURCES],
  }),
  client(
    '@ai-sdk/openai-compatible',
    '`.chatModel()`',
    'chat',
    [...most, 'citations'],
    (to) => compatible(to).chatModel('gpt-4.1'),
    { mute: ['citations'] },
  ),
  client('@ai-sdk/openai-compatible', '`.completionModel()`', 'completions', ['text'], (to) =>
    compatible(to).completionModel('davinci-002'),
  ),
];
