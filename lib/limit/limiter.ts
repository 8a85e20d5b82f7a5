import type { RateLimit } from '../config.ts';

/** What one more request of a caller comes to. */
export interface Taken {
  readonly allowed: boolean;
  /** Requests that are left in the window. */
  readonly remaining: number;
  /** Milliseconds until the window of now has passed. */
  readonly resetMs: number;
}

/** Counts requests of callers, atomically, for every process that shares it. */
export interface Limiter {
  /** Takes one of what `caller` has, if there is one left. */
  take(caller: string, rate: RateLimit): Promise<Taken>;
}

/** The windows that a moment lies in and comes after: counts are kept by their numbers. */
export function windowAt(now: number, windowMs: number) {
  const current = Math.floor(now / windowMs);
  return { current, previous: current - 1, elapsedMs: now - current * windowMs };
}

/**
 * A sliding window, from the counts of two fixed ones: of the previous one as much counts as still lies within a window's
 * length before now. At no moment are more allowed than `limit` in the window's length, but for how evenly the previous
 * ones came (https://upstash.com/docs/redis/sdks/ratelimit-ts/algorithms).
 */
export function slide(
  counts: { readonly previous: number; readonly current: number },
  elapsedMs: number,
  { limit, windowMs }: RateLimit,
): Taken {
  const used = Math.floor(counts.previous * (1 - elapsedMs / windowMs)) + counts.current;
  const allowed = used < limit;
  return { allowed, remaining: Math.max(0, limit - used - (allowed ? 1 : 0)), resetMs: windowMs - elapsedMs };
}
