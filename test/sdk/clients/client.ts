import { type Json, parseJson } from '../../../lib/json.ts';
import type { FormatName } from '../provider.ts';
import type { Note } from './notes.ts';

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Where a client is pointed, and what goes with each of its calls: all by options that it offers to everybody. */
export interface Connection {
  /** Without the version of the API, which each client names in its own way. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: Fetch;
}

/** One way to use an official client, and all that it gives its user. */
export interface Client {
  readonly name: string;
  readonly package: string;
  readonly format: FormatName;
  /** What of its interface is called. */
  readonly calls: string;
  /** The scenarios of the format that say something to it. */
  readonly scenarios: readonly string[];
  /** Those of them whose point it does not tell its user. */
  readonly mute?: readonly string[];
  /** Where a replay may differ from the provider's own stream in what the client makes of it. */
  readonly notes?: readonly Note[];
  whole(connection: Connection): Promise<unknown>;
  /** Gathered, so that it does not depend on where the texts were cut. */
  streamed(connection: Connection): Promise<unknown>;
  /** The events at a URL, one by one, for a client that reads a stream from anywhere and from its middle. */
  events?(connection: Connection, url: string): Promise<readonly unknown[]>;
}

export const KEY = 'sk-test-of-real-clients';

/** As JSON, without fields of these names: what a client adds of the transport, or makes up for each call anew. */
export function bare(value: unknown, ...names: readonly string[]): Json {
  const text = JSON.stringify(value, (name: string, field: unknown) => (names.includes(name) ? undefined : field));
  const json = parseJson(text);
  if (json === undefined) throw new Error('A client gives what can be told as JSON.');
  return json;
}

export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}
