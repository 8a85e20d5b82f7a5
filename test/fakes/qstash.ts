import { randomUUID } from 'node:crypto';
import { Faults, type RequestFault, suffer } from './faults.ts';
import { type Asked, type Outcome, refusal, serve } from './http.ts';
import { createApi } from './qstash/api.ts';
import { type Attempt, Courier, type Delivery, type DeliveryFault } from './qstash/courier.ts';
import { Dispatcher } from './qstash/dispatcher.ts';
import { type DeadLetter, DeadLetters } from './qstash/dlq.ts';
import { type Event, EventLog } from './qstash/events.ts';
import type { Message, Source } from './qstash/message.ts';
import { type ItemFault, type Plan, Publisher } from './qstash/publisher.ts';
import { Schedules } from './qstash/schedules.ts';
import type { SigningKeys } from './qstash/sign.ts';

const MB = 1024 * 1024;

export interface QStashOptions {
  readonly token?: string;
  readonly keys?: SigningKeys;
  /** Divides every delay, also that between retries and the period of a flow-control key; timeouts stay as they are. */
  readonly speed?: number;
  /** Where a published URL is really to be found, such as a public name of the gateway. */
  readonly route?: (url: string) => string;
  readonly maxMessageBytes?: number;
  /** What is kept of an answer in a callback. */
  readonly maxCallbackBytes?: number;
  /** The plan's longest delivery; `Upstash-Timeout` only shortens it. */
  readonly maxTimeoutMs?: number;
  readonly deduplicationMs?: number;
  readonly seed?: number;
}

export interface QStash {
  readonly url: string;
  readonly token: string;
  readonly faults: {
    /** Publish, enqueue and batch. */
    readonly publish: Faults<RequestFault, Asked>;
    /** Every other request: cancel, DLQ, events, schedules. */
    readonly api: Faults<RequestFault, Asked>;
    readonly delivery: Faults<DeliveryFault, Attempt>;
    /** One message of a batch, refused while the others are taken. */
    readonly item: Faults<ItemFault, Source>;
  };
  /** Every message that was accepted, callbacks among them, in order. */
  readonly messages: readonly Message[];
  /** Every request that was made to a destination, in the order in which they were begun. */
  readonly deliveries: readonly Delivery[];
  readonly events: readonly Event[];
  deadLetters(): readonly DeadLetter[];
  /** Messages that have not come to their end. */
  pending(): readonly Message[];
  /** Resolves once no message is left, callbacks included; not while one waits for a day, of course. */
  idle(): Promise<void>;
  keys(): SigningKeys;
  /** The next key becomes the current one, as in the vendor's console. */
  rotateKeys(): SigningKeys;
  /** Publishes what the schedule holds, now; the message's id, or `null` while it is paused. */
  fire(scheduleId: string): string | null;
  /** Delivers now whatever waits for its time, or for another try. */
  hurry(): void;
  /** What the account's plan allows from now on; at first everything. */
  setPlan(plan: Plan): void;
  /** As if the time for which deduplication ids are remembered had passed. */
  forgetDuplicates(): void;
  stop(): Promise<void>;
}

/** QStash as its documentation and its SDK have it, over real HTTP on loopback, with faults on demand. */
export async function startQStash(options: QStashOptions = {}): Promise<QStash> {
  const { token = 'qstash-token', speed = 1, seed } = options;
  let keys = options.keys ?? { current: `sig_${randomUUID()}`, next: `sig_${randomUUID()}` };
  const rotateKeys = () => {
    keys = { current: keys.next, next: `sig_${randomUUID()}` };
    return keys;
  };
  const faults = {
    publish: new Faults<RequestFault, Asked>(seed),
    api: new Faults<RequestFault, Asked>(seed),
    delivery: new Faults<DeliveryFault, Attempt>(seed),
    item: new Faults<ItemFault, Source>(seed),
  };
  const log = new EventLog();
  const dlq = new DeadLetters();
  const courier = new Courier({
    faults: faults.delivery,
    keys: () => keys,
    route: options.route ?? ((url) => url),
    maxTimeoutMs: options.maxTimeoutMs ?? 15 * 60_000,
  });
  const dispatcher = new Dispatcher({ courier, log, dlq, speed, maxCallbackBytes: options.maxCallbackBytes ?? MB });
  let plan: Plan = { maxRetries: Number.POSITIVE_INFINITY, maxTimeoutMs: Number.POSITIVE_INFINITY };
  const publisher = new Publisher({
    dispatcher,
    plan: () => plan,
    maxMessageBytes: options.maxMessageBytes ?? MB,
    deduplicationMs: options.deduplicationMs ?? 10 * 60_000,
  });
  const schedules = new Schedules();
  const refused = (source: Source) => faults.item.take(source);
  const api = createApi({ publisher, refused, dispatcher, dlq, log, schedules, keys: () => keys, rotateKeys });

  const served = await serve(async (asked): Promise<Outcome> => {
    if (asked.headers.authorization !== `Bearer ${token}`) return refusal(401, 'unauthorized');
    const publishing = /^\/v2\/(publish|enqueue|batch)/.test(asked.path);
    const fault = (publishing ? faults.publish : faults.api).take(asked);
    return suffer(fault?.status === 429 ? { ...fault, headers: burst(fault) } : fault, asked, async () => api(asked));
  });

  return {
    url: served.url,
    token,
    faults,
    messages: dispatcher.messages,
    deliveries: courier.deliveries,
    events: log.events,
    deadLetters: () => dlq.list(),
    pending: () => dispatcher.pending(),
    idle: () => dispatcher.idle(),
    hurry: () => dispatcher.hurry(),
    keys: () => keys,
    rotateKeys,
    setPlan(next) {
      plan = next;
    },
    fire(scheduleId) {
      const source = schedules.due(scheduleId);
      return source === null ? null : (publisher.publish([source])[0]?.messageId ?? null);
    },
    forgetDuplicates: () => publisher.forget(),
    async stop() {
      await served.stop();
      await dispatcher.stop();
    },
  };
}

/** What the vendor sends with a 429: the SDK tells its kinds of limits apart by these. */
function burst({ headers }: RequestFault): Record<string, string> {
  const reset = String(Math.floor(Date.now() / 1000) + 1);
  return {
    'burst-ratelimit-limit': '100',
    'burst-ratelimit-remaining': '0',
    'burst-ratelimit-reset': reset,
    ...headers,
  };
}
