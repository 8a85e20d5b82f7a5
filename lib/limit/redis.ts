import * as z from 'zod';
import type { Clock } from '../clock.ts';
import type { RedisTransport } from '../store/redis.ts';
import { type Limiter, slide, windowAt } from './limiter.ts';

/** KEYS: the caller's count in the window of now, and in the one before. ARGV: limit, part of the window before that counts, ms to keep. */
const TAKE = `
local current = tonumber(redis.call('GET', KEYS[1]) or 0)
local previous = tonumber(redis.call('GET', KEYS[2]) or 0)
if math.floor(previous * tonumber(ARGV[2])) + current < tonumber(ARGV[1]) then
  redis.call('INCR', KEYS[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return {previous, current}
`;

const counts = z.tuple([z.number(), z.number()]);

/** Counts in Redis, one command a request. A client that asks again for a lost answer counts twice, which allows less. */
export function redisLimiter({
  transport,
  clock,
  prefix = 'gateway:',
}: {
  transport: RedisTransport;
  clock: Clock;
  prefix?: string;
}): Limiter {
  return {
    async take(caller, rate) {
      const { current, previous, elapsedMs } = windowAt(clock.now(), rate.windowMs);
      const keys = [current, previous].map((window) => `${prefix}rate:{${caller}}:${window}`);
      const part = 1 - elapsedMs / rate.windowMs;
      const args = [rate.limit, part, 2 * rate.windowMs].map(String);
      const [before, now] = counts.parse(await transport.run(TAKE, keys, args));
      return slide({ previous: before, current: now }, elapsedMs, rate);
    },
  };
}
