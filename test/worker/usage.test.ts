import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../lib/json.ts';
import { mergeUsage, usageIn } from '../../lib/worker/usage.ts';

const tokens = { input_tokens: 1, output_tokens: 2 };

describe('where an answer tells its usage', () => {
  it.each<[string, JsonObject]>([
    ['OpenAI, Anthropic', { id: 'x', usage: tokens }],
    ['Gemini', { candidates: [], usageMetadata: tokens }],
    ['a Responses event', { type: 'response.completed', response: { usage: tokens } }],
    ['a Messages event', { type: 'message_start', message: { usage: tokens } }],
  ])('%s', (_, json) => {
    expect(usageIn(json)).toEqual(tokens);
  });

  it.each<[string, JsonObject]>([
    ['nowhere', { id: 'x' }],
    ['null, as in a chunk before the last', { usage: null }],
    ['something else', { usage: 7 }],
    ['a list', { usage: [tokens] }],
    ['deeper than any provider has it', { data: { usage: tokens } }],
  ])('%s', (_, json) => {
    expect(usageIn(json)).toBeNull();
  });
});

describe('usage told in parts', () => {
  it('later counts replace earlier ones, and what is not told again stays', () => {
    expect(mergeUsage({ input_tokens: 9, output_tokens: 1 }, { output_tokens: 5 })).toEqual({
      ...{ input_tokens: 9, output_tokens: 5 },
    });
    expect(mergeUsage(null, tokens)).toEqual(tokens);
    expect(mergeUsage(tokens, null)).toEqual(tokens);
    expect(mergeUsage(null, null)).toBeNull();
  });
});
