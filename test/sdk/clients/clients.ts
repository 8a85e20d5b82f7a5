import { ai } from './ai.ts';
import { anthropicMessages } from './anthropic.ts';
import type { Client } from './client.ts';
import { googleGenAI } from './google.ts';
import { langchain } from './langchain.ts';
import { openaiChat } from './openai-chat.ts';
import { openaiCompletions } from './openai-completions.ts';
import { openaiResponses } from './openai-responses.ts';

/** In the order of the table. */
export const CLIENTS: readonly Client[] = [
  ...openaiChat,
  openaiCompletions,
  ...openaiResponses,
  ...anthropicMessages,
  googleGenAI,
  ...ai,
  ...langchain,
];
