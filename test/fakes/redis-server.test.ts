import { Redis } from '@upstash/redis';
import { afterEach, expect, it, vi } from 'vitest';
import { type RedisRest, startRedisRest } from './redis-rest.ts';
import { describeRedis, type RedisServer, startRedisServer } from './redis-server.ts';

describeRedis('a real redis-server', () => {
  let server: RedisServer | undefined;
  let rest: RedisRest | undefined;
  afterEach(async () => {
    await rest?.stop();
    await server?.stop();
  });

  const start = async (persist: boolean) => {
    server = await startRedisServer({ persist });
    rest = await startRedisRest({ socket: server.socket });
    const { url, token } = rest;
    return { server, redis: new Redis({ url, token, enableTelemetry: false }) };
  };
  /** The front reconnects by itself, a moment after the server is back. */
  const backAgain = (redis: Redis) => vi.waitFor(() => redis.ping(), { timeout: 10_000, interval: 10 });

  it('keeps every write through a power cut when it is to persist', async () => {
    const { server, redis } = await start(true);
    for (let count = 0; count < 50; count++) await redis.rpush('list', `value ${count}`);
    await server.restart('SIGKILL');
    await backAgain(redis);
    expect(await redis.llen('list')).toBe(50);
  });

  it('starts empty again when it is not', async () => {
    const { server, redis } = await start(false);
    await redis.set('k', 'v');
    await server.restart('SIGTERM');
    await backAgain(redis);
    expect(await redis.dbsize()).toBe(0);
  });
});
