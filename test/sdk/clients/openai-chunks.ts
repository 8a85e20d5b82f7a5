import type { ChatCompletionChunk } from 'openai/resources/chat/completions';
import type { Completion } from 'openai/resources/completions';
import type { Json } from '../../../lib/json.ts';
import { all, bare } from './client.ts';
import { merged } from './merge.ts';

/** What chunks say together, read one by one: their choices added up, and once each what all of them have. */
export async function gatheredChunks(stream: AsyncIterable<ChatCompletionChunk | Completion>): Promise<Json> {
  let choices: Json = [];
  const heads = new Set<string>();
  const usages: unknown[] = [];
  for (const { choices: added, usage, ...head } of await all(stream)) {
    choices = merged(choices, bare(added)) ?? [];
    heads.add(JSON.stringify(bare(sorted(head), 'obfuscation')));
    if (usage) usages.push(usage);
  }
  return bare({ heads: [...heads], choices, usages });
}

function sorted(fields: object): object {
  return Object.fromEntries(Object.entries(fields).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
