import type { RateLimit } from '../config.ts';
import type { Caller } from '../http/auth.ts';
import { GatewayError } from '../http/errors.ts';
import { overLimit, type Policy, rateHeaders } from '../http/rate-headers.ts';
import type { Log } from '../log.ts';
import type { Limiter } from './limiter.ts';

/**
 * Counts a request that costs something.
 * @returns headers for its answer
 * @throws GatewayError `rate_limited`
 */
export type CountRequest = (caller: Caller) => Promise<Record<string, string>>;

/** @param rate `null`: nothing is counted */
export function rateLimit(limiter: Limiter | null, rate: RateLimit | null, log: Log): CountRequest {
  if (limiter === null || rate === null) return async () => ({});
  const policy: Policy = { name: 'requests-per-caller', limit: rate.limit, windowS: rate.windowMs / 1000 };
  return async (caller) => {
    const [account = ''] = await caller.accounts();
    const taken = await limiter.take(account, rate).catch((error) => {
      // A limit that cannot be looked up must not stop the calls that need no store.
      log.warn('a request could not be counted', { error });
      return null;
    });
    if (taken === null) return {};
    const resetS = Math.max(1, Math.ceil(taken.resetMs / 1000));
    if (!taken.allowed) throw new GatewayError('rate_limited', { headers: overLimit(policy, resetS) });
    return rateHeaders(policy, taken.remaining, resetS);
  };
}
