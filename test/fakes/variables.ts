import type { QStash } from './qstash.ts';
import type { RedisRest } from './redis-rest.ts';

/** The environment that brings a gateway to these stand-ins, as Upstash's consoles would show it. */
export function backendVariables(redis: RedisRest, qstash: QStash) {
  const keys = qstash.keys();
  return {
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    QSTASH_URL: qstash.url,
    QSTASH_TOKEN: qstash.token,
    QSTASH_CURRENT_SIGNING_KEY: keys.current,
    QSTASH_NEXT_SIGNING_KEY: keys.next,
  };
}
