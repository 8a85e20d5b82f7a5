import type { Completion } from 'openai/resources/completions';
import { bare, type Client } from './client.ts';
import { eventsAt, openai } from './openai-chat.ts';
import { gatheredChunks } from './openai-chunks.ts';

const ask = { model: 'gpt-3.5-turbo-instruct', prompt: 'Say it', logprobs: 2 };

export const openaiCompletions: Client = {
  ...{ name: 'openai', package: 'openai', format: 'completions', scenarios: ['text', 'choices'] },
  calls: '`completions.create`',
  events: (connection, url) => eventsAt<Completion>(connection, url),
  whole: async (connection) => bare(await openai(connection).completions.create(ask)),
  async streamed(connection) {
    const options = { stream: true as const, stream_options: { include_usage: true } };
    return gatheredChunks(await openai(connection).completions.create({ ...ask, ...options }));
  },
};
