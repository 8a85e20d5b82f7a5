import { demoTransport } from '../../lib/demo/demo.ts';
import { isObject, type JsonObject, parseJson } from '../../lib/json.ts';
import type { UpstreamRequest, UpstreamResponse } from '../../lib/upstream/transport.ts';

const transport = demoTransport();

interface CallOptions {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
  readonly raw?: UpstreamRequest['body'];
}

/** One call of the demo service, without a pause between tokens unless the headers say otherwise. */
export function call(target: string, body?: object, options: CallOptions = {}): Promise<UpstreamResponse> {
  const json = body === undefined ? null : new TextEncoder().encode(JSON.stringify(body));
  return transport({
    origin: 'https://demo.invalid',
    target,
    method: options.method ?? 'POST',
    headers: new Headers({ 'x-demo-token-delay-ms': '0', ...options.headers }),
    body: options.raw ?? json,
    signal: options.signal ?? new AbortController().signal,
  });
}

export function text(response: UpstreamResponse): Promise<string> {
  return new Response(response.body).text();
}

export async function json(response: UpstreamResponse): Promise<JsonObject> {
  const value = parseJson(await text(response));
  if (!isObject(value)) throw new Error('not a JSON object');
  return value;
}

/** The objects in the `data:` lines of a stream, `[DONE]` left out. */
export function events(stream: string): JsonObject[] {
  return stream
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => parseJson(line.slice(6)))
    .filter(isObject);
}

/** The text of a body up to the error that ends it, and that error. */
export async function untilError(response: UpstreamResponse): Promise<{ got: string; error: unknown }> {
  const decoder = new TextDecoder();
  let got = '';
  try {
    for await (const part of response.body ?? []) got += decoder.decode(part, { stream: true });
  } catch (error) {
    return { got, error };
  }
  throw new Error(`The body ended well after ${got.length} characters.`);
}

export const weather = {
  type: 'object',
  properties: {
    city: { type: 'string' },
    days: { type: 'integer' },
    metric: { type: 'boolean' },
    unit: { enum: ['celsius', 'kelvin'] },
    tags: { type: 'array', items: { type: 'string' } },
    where: { $ref: '#/$defs/place' },
    later: { anyOf: [{ type: 'number', minimum: 7 }, { type: 'null' }] },
  },
  required: ['city'],
  $defs: { place: { type: 'object', properties: { lat: { type: 'number', maximum: 0.5 } } } },
};

/** What the demo service makes of {@link weather} for the text `Lyon`. */
export const weatherInput = {
  city: 'Lyon',
  days: 1,
  metric: true,
  unit: 'celsius',
  tags: ['Lyon'],
  where: { lat: 0.5 },
  later: 7,
};
