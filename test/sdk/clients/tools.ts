import type { JsonObject } from '../../../lib/json.ts';

/** The tools that the provider calls, as JSON schemas. */
export const SCHEMAS = {
  report: {
    type: 'object',
    properties: { city: { type: 'string' }, lines: { type: 'array', items: { type: 'string' } } },
    required: ['city'],
  },
  now: { type: 'object', properties: {} },
  search: { type: 'object', properties: { query: { type: 'string' }, limit: { type: 'number' } } },
} satisfies Record<string, JsonObject>;
