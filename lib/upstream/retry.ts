/** Statuses that say "not now" rather than "no": timeouts, rate limits, overload (529 is Anthropic's) and server faults. */
const RETRYABLE = new Set([408, 429, 500, 502, 503, 504, 529]);

/** Methods of calls that cost nothing twice: also tried again where the first may have been answered. */
export const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** `x-should-retry: false` is how OpenAI and Anthropic say that another try would end the same way. */
export function isRetryable({ status, headers }: { readonly status: number; readonly headers: Headers }): boolean {
  return RETRYABLE.has(status) && headers.get('x-should-retry') !== 'false';
}

export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Between tries while a caller waits: the second comes after about half a second, none later than this. */
export const IN_PLACE: Backoff = { baseMs: 500, maxMs: 8_000 };

/**
 * Milliseconds to wait before try `failures` + 1: what the provider asks for (`retry-after-ms`, then `Retry-After` in
 * seconds or as a date, RFC 9110 section 10.2.3), else exponential, between half and the whole of the step.
 * @param random from [0, 1)
 */
export function retryDelay(headers: Headers | null, failures: number, backoff: Backoff, now: number, random: number) {
  const asked = headers === null ? null : askedDelay(headers, now);
  if (asked !== null) return asked;
  const step = Math.min(backoff.maxMs, backoff.baseMs * 2 ** Math.max(0, failures - 1));
  return Math.round(step * (0.5 + random / 2));
}

/** Milliseconds that an answer asks to be left alone; `null` where it does not say. */
export function askedDelay(headers: Headers, now: number): number | null {
  const ms = headers.get('retry-after-ms');
  if (ms !== null && /^\d+(\.\d+)?$/.test(ms.trim())) return Math.ceil(Number(ms));
  const value = headers.get('retry-after')?.trim();
  if (value === undefined) return null;
  if (/^\d+(\.\d+)?$/.test(value)) return Math.ceil(Number(value) * 1000);
  // Every HTTP date begins with a day's name; `Date.parse` would make a date of `-1` too.
  const date = /^[a-z]/i.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}
