import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import type { QueuedJob } from '../../lib/jobs/job.ts';
import { redisStore } from '../../lib/store/redis.ts';
import { IDS_AT_ONCE } from '../../lib/store/redis-list.ts';
import { upstashTransport } from '../../lib/store/upstash.ts';
import { bytes, completed, newJob } from '../contract/fixtures.ts';
import { type RedisRest, startRedisRest } from '../fakes/redis-rest.ts';
import { describeRedis, type RedisServer, startRedisServer } from '../fakes/redis-server.ts';

const NONE = { queued: 0, in_progress: 0, completed: 0, failed: 0, cancelled: 0, expired: 0 };

describeRedis("the Redis store's indexes", () => {
  let server: RedisServer;
  let rest: RedisRest;
  beforeAll(async () => {
    server = await startRedisServer();
    rest = await startRedisRest({ socket: server.socket });
  });
  beforeEach(() => rest.flush());
  afterAll(async () => {
    await rest.stop();
    await server.stop();
  });

  const open = () => redisStore({ transport: upstashTransport(rest), clock: systemClock });
  const raw = (lua: string, ...args: string[]) => upstashTransport(rest).run(lua, [], args);
  const create = async (store = open(), overrides: Partial<QueuedJob> = {}) => {
    const job = newJob(systemClock, overrides);
    await store.create({ job, credential: null, body: bytes(1), idempotency: null });
    return job;
  };
  const gone = (id: string) =>
    vi.waitFor(async () => expect(await raw(`return redis.call('EXISTS', ARGV[1])`, `gateway:{${id}}:job`)).toBe(0));

  it('counts no job that Redis has dropped by itself, before any sweep', async () => {
    const store = open();
    const kept = await create(store);
    const short = await create(store, { ttlMs: 300 });
    await store.claim(short.id, 5_000);
    await store.settle(short.id, 1, completed(1), { eventsBefore: 0, bytes: bytes(4) });
    expect(await store.counts()).toEqual({ ...NONE, queued: 1, completed: 1 });
    await gone(short.id);
    expect(await store.counts()).toEqual({ ...NONE, queued: 1 });
    expect(await store.sweep(10)).toBe(1);
    expect(await store.counts()).toEqual({ ...NONE, queued: 1 });
    // Neither does its owner's index keep what nobody lists.
    expect(await raw(`return redis.call('ZRANGE', 'gateway:owner:owner-1', 0, -1)`)).toEqual([kept.id]);
  });

  it('counts no unfinished job whose keys were taken from Redis, once that is noticed', async () => {
    const store = open();
    const [kept, evicted] = [await create(store), await create(store)];
    await raw(`return redis.call('DEL', ARGV[1])`, `gateway:{${evicted.id}}:job`);
    expect(await store.stranded(systemClock.now() + 1, 10)).toMatchObject([{ id: kept.id }]);
    expect(await store.counts()).toEqual({ ...NONE, queued: 1 });
    const left = `return {redis.call('ZCARD', 'gateway:due'), redis.call('ZCARD', 'gateway:owner:owner-1')}`;
    expect(await raw(left)).toEqual([1, 1]);
  });

  it('takes what is left of an unfinished job out of the indexes when Redis has dropped it, and no other', async () => {
    const store = open();
    const [kept, dropped] = [await create(store), await create(store)];
    // As if the week that an unfinished job is kept had passed for both, and one had been prolonged meanwhile.
    await raw(`return redis.call('DEL', ARGV[1])`, `gateway:{${dropped.id}}:job`);
    const past = `for _, name in ipairs(redis.call('ZRANGE', 'gateway:status:queued', 0, -1)) do redis.call('ZADD', 'gateway:status:queued', 1, name) end return 1`;
    await raw(past);
    expect(await store.counts()).toEqual(NONE);
    expect(await store.sweep(10)).toBe(1);
    expect(await store.counts()).toEqual({ ...NONE, queued: 1 });
    expect(await store.get(kept.id)).toMatchObject({ status: 'queued' });
  });

  it('a sweep removes no more at once than it is told', async () => {
    const store = open();
    for (const status of ['a', 'b', 'c']) {
      const job = await create(store, { owner: status, ttlMs: 50 });
      if (status === 'a') await store.cancel(job.id);
      else {
        await store.claim(job.id, 5_000);
        await store.settle(job.id, 1, completed(1), null);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect([await store.sweep(2), await store.sweep(2), await store.sweep(2)]).toEqual([2, 1, 0]);
  });

  it('a job made by the version before is of the first generation, and counts once it moves', async () => {
    const store = open();
    const job = await create(store);
    const older = `
local state = cjson.decode(redis.call('HGET', ARGV[1], 'state'))
state.generation = nil
redis.call('HSET', ARGV[1], 'state', cjson.encode(state))
redis.call('DEL', 'gateway:status:queued', 'gateway:due')
redis.call('ZADD', 'gateway:due', state.dueAt, ARGV[2])
return 1`;
    await raw(older, `gateway:{${job.id}}:job`, job.id);
    expect(await store.get(job.id)).toEqual(job);
    for (let look = 0; look < 2; look++) {
      expect(await store.stranded(systemClock.now() + 1_000 * look, 10)).toMatchObject([{ id: job.id }]);
    }
    expect(await store.claim(job.id, 5_000, { generation: 1, version: null })).toMatchObject({
      kind: 'claimed',
      job: { generation: 1 },
    });
    expect(await store.counts()).toEqual({ ...NONE, in_progress: 1 });
    await store.cancel(job.id);
    await store.settle(job.id, 1, { kind: 'cancelled' }, null);
    expect(await store.stranded(systemClock.now() + 60_000, 10)).toEqual([]);
    expect(await store.requeue(job.id, null)).toMatchObject({ kind: 'requeued', job: { generation: 2 } });
  });

  it('finds the few of one status among thousands, a bounded number of ids at a time', async () => {
    const made = open();
    const owners = ['many', 'few'];
    const jobs: QueuedJob[] = [];
    const several = IDS_AT_ONCE * 5 + 3;
    for (let at = 0; at < several; at += 100) {
      const some = Array.from({ length: Math.min(100, several - at) }, () => create(made, { owner: 'many' }));
      jobs.push(...(await Promise.all(some)));
    }
    jobs.push(await create(made, { owner: 'few' }));
    const rare = [jobs[0], jobs[IDS_AT_ONCE], jobs[several - 1], jobs[several]].map((job) => job?.id ?? '');
    for (const id of rare) await made.cancel(id);

    const looked: number[] = [];
    const transport = upstashTransport(rest);
    const reads = async () => {
      const info = await fetch(rest.url, {
        method: 'POST',
        headers: { authorization: `Bearer ${rest.token}` },
        body: JSON.stringify(['INFO', 'commandstats']),
      });
      return Number(/cmdstat_hget:calls=(\d+)/.exec(await info.text())?.[1]);
    };
    const store = redisStore({
      clock: systemClock,
      transport: {
        ...transport,
        async run(script, keys, args) {
          const before = await reads();
          const reply = await transport.run(script, keys, args);
          looked.push((await reads()) - before);
          return reply;
        },
      },
    });
    const query = { owners, limit: 10, after: null, status: 'cancelled' as const };
    const all = await store.list(query);
    // Created at once in hundreds: the order of creation is the store's to say.
    const order = (
      await Promise.all(
        [0, 1].map((at) => raw(`return redis.call('ZREVRANGE', ARGV[1], 0, -1)`, `gateway:owner:${owners[at]}`)),
      )
    ).flat();
    const newestFirst = [rare[3], ...order.filter((id) => id !== rare[3] && rare.includes(String(id)))];
    expect(all.jobs.map(({ id }) => id)).toEqual(newestFirst);
    expect(all.hasMore).toBe(false);
    expect(looked).toHaveLength(6);
    expect(Math.max(...looked)).toBeLessThanOrEqual(IDS_AT_ONCE + 1);

    looked.length = 0;
    const first = await store.list({ ...query, limit: 2 });
    expect(first.jobs.map(({ id }) => id)).toEqual(newestFirst.slice(0, 2));
    expect(first.hasMore).toBe(true);
    const second = await store.list({ ...query, limit: 2, after: first.jobs[1]?.id ?? '' });
    expect(second.jobs.map(({ id }) => id)).toEqual(newestFirst.slice(2));
    expect(second.hasMore).toBe(false);

    looked.length = 0;
    const page = await store.list({ ...query, status: null });
    expect(page).toMatchObject({ hasMore: true, jobs: { length: 10 } });
    expect(looked).toHaveLength(1);
    expect(Math.max(...looked)).toBeLessThan(30);
  });
});
