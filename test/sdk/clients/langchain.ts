import type { AIMessageChunk } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { all, bare, type Client, type Connection, KEY } from './client.ts';
import { SCHEMAS } from './tools.ts';

const name = '@langchain/openai';
const tools = Object.entries(SCHEMAS).map(([name, parameters]) => ({
  type: 'function' as const,
  function: { name, parameters },
}));

const scenarios = ['text', 'thoughts', 'refusal', 'tools'];

function client(format: 'chat' | 'responses', calls: string): Client {
  const useResponsesApi = format === 'responses';
  const model = ({ url, headers, fetch }: Connection) =>
    new ChatOpenAI({
      ...{ model: 'gpt-4.1', apiKey: KEY, maxRetries: 0, useResponsesApi },
      ...(!useResponsesApi && { logprobs: true, topLogprobs: 2 }),
      configuration: { baseURL: `${url}/v1`, defaultHeaders: headers, fetch },
    }).bindTools(tools);
  return {
    ...{ name, package: name, format, calls, scenarios: [...scenarios, useResponsesApi ? 'hosted' : 'citations'] },
    mute: useResponsesApi ? [] : ['thoughts', 'refusal', 'citations'],
    whole: async (connection) => bare(await model(connection).invoke('Hello 👋')),
    async streamed(connection) {
      const chunks: AIMessageChunk[] = await all(await model(connection).stream('Hello 👋'));
      return bare(chunks.reduce((known, added) => known.concat(added)));
    },
  };
}

export const langchain: readonly Client[] = [
  client('chat', '`ChatOpenAI`: `invoke` and `stream`'),
  client('responses', '`ChatOpenAI` with `useResponsesApi`: `invoke` and `stream`'),
];
