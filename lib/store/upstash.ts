import { Redis } from '@upstash/redis';
import type { RedisTransport } from './redis.ts';

/** Longest time that one command may take (ms), its repetitions included; less where a function has little. */
const COMMAND_MS = { most: 10_000, least: 1_000, ofFunction: 1 / 30 };

/**
 * Commands over Upstash's REST interface. One request a command: without the client's automatic pipelines, which give no
 * order between reads and writes, and without its idea of what a value means, as our values are texts.
 */
export function upstashTransport(
  options: { url: string; token: string },
  functionLimit: number | null = null,
): RedisTransport {
  const { most, least, ofFunction } = COMMAND_MS;
  const commandMs = functionLimit === null ? most : Math.min(most, Math.max(least, functionLimit * ofFunction));
  const redis = new Redis({
    ...options,
    automaticDeserialization: false,
    enableAutoPipelining: false,
    enableTelemetry: false,
    // Every script may run twice: a repetition after a lost answer does no harm.
    retry: { retries: 3, backoff: (failures) => 50 * 2 ** failures },
    signal: () => AbortSignal.timeout(commandMs),
  });
  const prepared = new Map<string, ReturnType<typeof redis.createScript>>();
  return {
    run(script, keys, args) {
      // Sent by its hash, and whole only to a server that does not know it yet.
      const known = prepared.get(script) ?? redis.createScript(script);
      prepared.set(script, known);
      return known.exec([...keys], [...args]);
    },
    fields: (key, names) => redis.eval(FIELDS, [key], [...names]),
  };
}

const FIELDS = `return redis.call('HMGET', KEYS[1], unpack(ARGV))`;
