import { createHash } from 'node:crypto';
import { isObject, parseJson } from '../../../lib/json.ts';
import type { Asked } from '../http.ts';
import { flat } from './call.ts';
import type { Dispatcher } from './dispatcher.ts';
import { Invalid, type Message, readMessage, type Source } from './message.ts';

export interface Published {
  readonly messageId: string;
  readonly deduplicated?: true;
}

/** Why one message of a batch was not taken. */
export interface ItemFault {
  readonly error: string;
}

/** What the account's plan allows; more is refused when a message is published. */
export interface Plan {
  readonly maxRetries: number;
  readonly maxTimeoutMs: number;
}

export interface PublisherOptions {
  readonly plan: () => Plan;
  readonly dispatcher: Dispatcher;
  readonly maxMessageBytes: number;
  /** How long an id is remembered; not divided by the speed, since nobody waits for it. */
  readonly deduplicationMs: number;
}

/** Takes messages in, each id once. */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #seen = new Map<string, { readonly messageId: string; readonly until: number }>();

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /**
   * All of them, or none.
   * @throws Invalid
   */
  publish(sources: readonly Source[]): Published[] {
    const { dispatcher, maxMessageBytes, plan } = this.#options;
    const messages = sources.map(readMessage);
    for (const message of messages) checkPlan(message, plan());
    const large = messages.find(({ body }) => body.length > maxMessageBytes);
    if (large !== undefined) throw new Invalid(`message is too large: ${large.body.length} > ${maxMessageBytes} bytes`);
    return messages.map((message) => {
      const first = this.#remember(message);
      if (first !== null) return { messageId: first, deduplicated: true };
      void dispatcher.accept(message);
      return { messageId: message.id };
    });
  }

  /**
   * As {@link publish}, but for those that are refused one by one; the answers keep the order.
   * @throws Invalid
   */
  publishBatch(sources: readonly Source[], refused: (source: Source) => ItemFault | null): (Published | ItemFault)[] {
    const faults = sources.map(refused);
    const published = this.publish(sources.filter((_, at) => faults[at] === null));
    return faults.flatMap((fault) => fault ?? published.shift() ?? []);
  }

  /** As if the time for which ids are remembered had passed. */
  forget(): void {
    this.#seen.clear();
  }

  /** The id of the message that this one repeats, else `null`. */
  #remember(message: Message): string | null {
    const key = deduplicationKey(message);
    if (key === null) return null;
    const seen = this.#seen.get(key);
    if (seen !== undefined && seen.until > Date.now()) return seen.messageId;
    this.#seen.set(key, { messageId: message.id, until: Date.now() + this.#options.deduplicationMs });
    return null;
  }
}

function checkPlan({ retries, timeoutMs }: Message, { maxRetries, maxTimeoutMs }: Plan): void {
  if (retries > maxRetries) throw new Invalid(`quota maxRetries exceeded: ${retries} > ${maxRetries}`);
  if ((timeoutMs ?? 0) > maxTimeoutMs)
    throw new Invalid(`quota maxTimeout exceeded: ${timeoutMs} > ${maxTimeoutMs} ms`);
}

function deduplicationKey({ url, body, headers, source }: Message): string | null {
  const id = source.headers['upstash-deduplication-id'];
  if (id !== undefined) return `id ${id}`;
  if (source.headers['upstash-content-based-deduplication'] !== 'true') return null;
  const content = createHash('sha256')
    .update(JSON.stringify([url, headers]))
    .update(body);
  return `content ${content.digest('hex')}`;
}

/** `POST /v2/publish/<url>` and the like: the URL is what follows, byte for byte, its query included. */
export function sourceOf({ headers, body }: Asked, destination: string, queue?: string): Source {
  return { destination, headers: flat(headers), body, ...(queue === undefined ? {} : { queue }) };
}

/**
 * The body of `POST /v2/batch`.
 * @throws Invalid
 */
export function sourcesOf({ body }: Asked): Source[] {
  const list = parseJson(body.toString());
  if (!Array.isArray(list)) throw new Invalid('a batch is a list of messages');
  return list.map((item) => {
    if (!isObject(item) || typeof item['destination'] !== 'string') throw new Invalid('a message has a destination');
    const { destination, body: text = '', queue } = item;
    if (typeof text !== 'string') throw new Invalid('the body of a message is a string');
    const headers = Object.entries(isObject(item['headers']) ? item['headers'] : {});
    return {
      destination,
      headers: Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), String(value)])),
      body: Buffer.from(text),
      ...(typeof queue === 'string' ? { queue } : {}),
    };
  });
}
