import * as z from 'zod';
import { parseJson } from '../json.ts';

/** QStash's own address, where `QSTASH_URL` names no other region. */
const QSTASH = 'https://qstash.upstash.io';
const PATIENCE_MS = 10_000;
/** Time enough to take a message back. */
const REHEARSAL_DELAY = '60s';

export interface Schedule {
  readonly id: string;
  /** Five fields of cron, UTC. */
  readonly cron: string;
  readonly destination: string;
  /** Longest time that the destination may take, in seconds. */
  readonly timeout: number;
  /** Sent along to the destination. */
  readonly headers: Readonly<Record<string, string>>;
}

/** An answer of QStash that is no success. Says nothing of its text, which may quote what was sent. */
export class QstashRefusal extends Error {
  override readonly name = 'QstashRefusal';
  readonly status: number;

  constructor(status: number) {
    super(`QStash answered ${status}`);
    this.status = status;
  }
}

/** How a message is asked to be delivered, as far as the account's plan may refuse it. */
export interface Delivery {
  readonly destination: string;
  /** Deliveries that may follow the first. */
  readonly retries: number;
  /** Seconds. */
  readonly timeout: number;
}

export interface QstashAdmin {
  /** Publishes a message of this kind, and takes it back before it is delivered. */
  rehearse(delivery: Delivery): Promise<void>;
  /** The keys that deliveries are signed with. */
  keys(): Promise<{ readonly current: string; readonly next: string }>;
  scheduleIds(): Promise<readonly string[]>;
  /** Creates the schedule, or changes the one of this id. */
  schedule(schedule: Schedule): Promise<void>;
}

const signingKeys = z.object({ current: z.string(), next: z.string() });
const published = z.object({ messageId: z.string() });
const schedules = z.array(z.object({ scheduleId: z.string() }));

/**
 * What setting up needs of QStash's API (https://upstash.com/docs/qstash/api). Not by the vendor's client, which prints
 * the addresses of what fails. Each rejects with a {@link QstashRefusal}, or with `fetch`'s own error.
 */
export function qstashAdmin({ url, token }: { url: string | null; token: string }): QstashAdmin {
  async function ask(path: string, init: RequestInit = {}): Promise<unknown> {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${token}`);
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(`${url ?? QSTASH}${path}`, { ...init, headers, signal });
    const text = await response.text();
    if (!response.ok) throw new QstashRefusal(response.status);
    return parseJson(text);
  }
  return {
    keys: async () => signingKeys.parse(await ask('/v2/keys')),
    async rehearse({ destination, retries, timeout }) {
      const headers = {
        'upstash-method': 'GET',
        'upstash-delay': REHEARSAL_DELAY,
        'upstash-retries': String(retries),
        'upstash-timeout': `${timeout}s`,
      };
      const { messageId } = published.parse(await ask(`/v2/publish/${destination}`, { method: 'POST', headers }));
      await ask(`/v2/messages/${messageId}`, { method: 'DELETE' });
    },
    scheduleIds: async () => schedules.parse(await ask('/v2/schedules')).map(({ scheduleId }) => scheduleId),
    async schedule({ id, cron, destination, timeout, headers }) {
      const forwarded = Object.entries(headers).map(([name, value]) => [`upstash-forward-${name}`, value]);
      await ask(`/v2/schedules/${destination}`, {
        method: 'POST',
        body: '{}',
        headers: {
          'content-type': 'application/json',
          'upstash-schedule-id': id,
          'upstash-cron': cron,
          'upstash-method': 'POST',
          'upstash-timeout': `${timeout}s`,
          // One that fails is made up for by the next.
          'upstash-retries': '0',
          ...Object.fromEntries(forwarded),
        },
      });
    },
  };
}
