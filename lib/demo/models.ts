import { models } from './answer.ts';
import type { Reply } from './reply.ts';

/** `GET /v1/models`, as OpenAI answers it. */
export function openaiModels(): Reply {
  const data = models.map((id) => ({ id, object: 'model', created: 1_700_000_000, owned_by: 'demo' }));
  return { json: { object: 'list', data } };
}

/** `GET /v1beta/models`, as Google answers it. */
export function geminiModels(): Reply {
  const list = models.map((id) => ({
    name: `models/${id}`,
    version: '1',
    displayName: id,
    inputTokenLimit: 1_000_000,
    outputTokenLimit: 1_250_000,
    supportedGenerationMethods: ['generateContent', 'streamGenerateContent'],
  }));
  return { json: { models: list } };
}
