import { durationMs } from './duration.ts';
import { compileDelay } from './expression.ts';
import type { Message } from './message.ts';

/** What a delivery has come back with; status 0: no answer at all, `body` says why. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export type Verdict =
  | { readonly kind: 'delivered' }
  | { readonly kind: 'retry'; readonly afterMs: number }
  | { readonly kind: 'failed' };

const DAY_MS = 86_400_000;
/** In the order in which they count. */
const HEADERS = ['retry-after', 'x-ratelimit-reset', 'x-ratelimit-reset-requests', 'x-ratelimit-reset-tokens'];

/** What becomes of a message after its delivery number `retried` (from 0) was answered so. */
export function judge(message: Message, { status, headers }: Reply, retried: number, now: number): Verdict {
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  if (status === 489 && headers['upstash-nonretryable-error'] === 'true') return { kind: 'failed' };
  if (retried >= message.retries) return { kind: 'failed' };
  return { kind: 'retry', afterMs: askedFor(headers, now) ?? ownDelay(message, retried) };
}

/** What the answer asks for; more than a day does not count. */
function askedFor(headers: Readonly<Record<string, string>>, now: number): number | null {
  const value = HEADERS.map((name) => headers[name]).find((given) => given !== undefined);
  if (value === undefined) return null;
  const ms = /^\d+(\.\d+)?$/.test(value) ? Number(value) * 1000 : (durationMs(value) ?? Date.parse(value) - now);
  return ms <= DAY_MS ? Math.max(0, ms) : null;
}

function ownDelay({ retryDelay }: Message, retried: number): number {
  const ms = retryDelay === null ? Math.exp(2.5 * (retried + 1)) * 1000 : compileDelay(retryDelay)(retried);
  return Math.min(DAY_MS, Math.max(0, Number.isNaN(ms) ? 0 : ms));
}
