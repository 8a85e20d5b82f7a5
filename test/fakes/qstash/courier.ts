import { sleep } from '../../../lib/clock.ts';
import type { Faults } from '../faults.ts';
import { call } from './call.ts';
import type { Message } from './message.ts';
import type { Reply } from './retry.ts';
import { type SigningKeys, sign } from './sign.ts';

/** What may befall one delivery; the parts add up. Times here are real ones, whatever the speed. */
export interface DeliveryFault {
  readonly delayMs?: number;
  /** Reordering: held back until this many other deliveries have been answered. */
  readonly behind?: number;
  /** The same delivery once more: at the same time, or after the first one was answered. The first answer counts. */
  readonly duplicate?: 'together' | 'after';
  /** How many more times; once unless it says so. */
  readonly copies?: number;
  /** `request`: never made, though taken for delivered. `answer`: made, but its answer is lost, so that it is retried. */
  readonly lost?: 'request' | 'answer';
  /** The signer's clock, in seconds ahead (or behind, if negative) of everybody's. */
  readonly skewS?: number;
  readonly signedWith?: 'next' | 'wrong';
}

export interface Attempt {
  readonly message: Message;
  /** Deliveries before this one. */
  readonly retried: number;
}

export interface Delivery {
  readonly messageId: string;
  readonly retried: number;
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** `null` while it is under way, 0 when there was no answer. */
  readonly status: number | null;
}

export interface CourierOptions {
  readonly faults: Faults<DeliveryFault, Attempt>;
  readonly keys: () => SigningKeys;
  /** Where a URL is really to be found: the signature keeps to the one that was published. */
  readonly route: (url: string) => string;
  readonly maxTimeoutMs: number;
}

/** Makes the deliveries, well or badly, and records each. */
export class Courier {
  readonly deliveries: Delivery[] = [];
  readonly #options: CourierOptions;
  readonly #held = new Set<{ left: number; release: () => void }>();

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  /** Waits as long as the fault of this delivery, if it has one, keeps it back. */
  async hold(attempt: Attempt, signal: AbortSignal): Promise<DeliveryFault> {
    const fault = this.#options.faults.take(attempt) ?? {};
    if (fault.delayMs !== undefined) await sleep(fault.delayMs, signal);
    if (fault.behind !== undefined) await this.#behind(fault.behind, signal);
    return fault;
  }

  async deliver(attempt: Attempt, fault: DeliveryFault, stopped: AbortSignal): Promise<Reply> {
    if (fault.lost === 'request') return { status: 200, headers: {}, body: Buffer.from('') };
    const first = this.#send(attempt, fault, stopped);
    if (fault.duplicate === 'after') await first;
    if (fault.duplicate !== undefined) {
      const copies = Array.from({ length: fault.copies ?? 1 }, () => this.#send(attempt, fault, stopped));
      await Promise.all(copies);
    }
    const reply = await first;
    return fault.lost === 'answer' ? { status: 0, headers: {}, body: Buffer.from('connection lost') } : reply;
  }

  async #send({ message, retried }: Attempt, fault: DeliveryFault, stopped: AbortSignal): Promise<Reply> {
    const { keys, route, maxTimeoutMs } = this.#options;
    const { url, method } = message;
    const body = method === 'GET' ? Buffer.alloc(0) : message.body;
    const { scheduleId } = message.source;
    const key = fault.signedWith === 'wrong' ? 'sig_of_somebody_else' : keys()[fault.signedWith ?? 'current'];
    const headers = {
      ...message.headers,
      'user-agent': 'Upstash-QStash',
      'content-length': String(body.length),
      'upstash-message-id': message.id,
      'upstash-retried': String(retried),
      'upstash-signature': sign(url, body, key, fault.skewS ?? 0),
      'upstash-caller-ip': '127.0.0.1',
      ...(scheduleId === undefined ? {} : { 'upstash-schedule-id': scheduleId }),
    };
    const at = this.deliveries.length;
    const delivery = { messageId: message.id, retried, url, method, headers, body };
    this.deliveries.push({ ...delivery, status: null });
    // A timeout can only be shortened.
    const timeoutMs = Math.min(maxTimeoutMs, message.timeoutMs ?? maxTimeoutMs);
    const reply = await call({ url: route(url), method, headers, body }, timeoutMs, stopped);
    this.deliveries[at] = { ...delivery, status: reply.status };
    for (const held of this.#held) {
      held.left -= 1;
      if (held.left <= 0) held.release();
    }
    return reply;
  }

  #behind(count: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const release = () => {
        signal.removeEventListener('abort', release);
        this.#held.delete(held);
        resolve();
      };
      const held = { left: count, release };
      if (signal.aborted) return resolve();
      signal.addEventListener('abort', release);
      this.#held.add(held);
    });
  }
}
