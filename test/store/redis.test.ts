import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import { redisStore } from '../../lib/store/redis.ts';
import { upstashTransport } from '../../lib/store/upstash.ts';
import { bytes, completed, FAILED, newJob, testClock } from '../contract/fixtures.ts';
import { storeContract } from '../contract/storeContract.ts';
import { type RedisRest, startRedisRest } from '../fakes/redis-rest.ts';
import { describeRedis, type RedisServer, startRedisServer } from '../fakes/redis-server.ts';

describeRedis('Redis store, over Upstash REST', () => {
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

  const open = (clock: Clock) => redisStore({ transport: upstashTransport(rest), clock });

  storeContract('Redis', async (clock) => {
    const [store, other] = [open(clock), open(clock)];
    return {
      store,
      other,
      contents: async () => {
        const reply = await upstashTransport(rest).run("return redis.call('KEYS', '*')", [], []);
        if (!Array.isArray(reply)) throw new Error('no list of keys');
        // The order of creation stays, a deletion is remembered for a minute: nothing of a job is in them.
        const names = reply.map(String).filter((key) => !/^gateway:seq$|:removed$/.test(key));
        return names.toSorted();
      },
      async close() {
        await store.close();
        await other.close();
      },
    };
  });

  it('a small job costs three commands, a poll one, a result one and its chunks, a renewal one', async () => {
    const clock = testClock();
    const store = open(clock);
    const warm = newJob(clock);
    await store.create({ job: warm, credential: null, body: bytes(1, 2, 3), idempotency: null });
    await store.claim(warm.id, 5_000);
    await store.renew(warm.id, 1, 5_000);
    await store.settle(warm.id, 1, completed(1), { eventsBefore: 0, bytes: bytes(4) });
    await store.get(warm.id);
    await store.resultChunks(warm.id, 1, 0, 4);

    const cost = async (operation: () => Promise<unknown>) => {
      rest.reset();
      await operation();
      return rest.count();
    };
    const job = newJob(clock);
    const idempotency = { key: 'key', fingerprint: 'print', earlier: [] };
    expect(await cost(() => store.create({ job, credential: bytes(1), body: bytes(1, 2, 3), idempotency }))).toBe(1);
    expect(await cost(() => store.claim(job.id, 5_000))).toBe(1);
    expect(await cost(() => store.renew(job.id, 1, 5_000))).toBe(1);
    expect(await cost(() => store.settle(job.id, 1, completed(1), { eventsBefore: 0, bytes: bytes(4) }))).toBe(1);
    expect(await cost(() => store.get(job.id))).toBe(1);
    expect(await cost(() => store.resultChunks(job.id, 1, 0, 4))).toBe(1);
  });

  it('takes the largest job that can be made in one command, far from the limit of a request', async () => {
    const clock = testClock();
    const store = open(clock);
    // A chunk of a body, and path, headers and metadata as long as they may be, sealed.
    const job = newJob(clock, { profile: new Uint8Array(128 * 1024) });
    const largest = {
      job,
      credential: new Uint8Array(64 * 1024),
      body: new Uint8Array(256 * 1024 + 33),
      idempotency: null,
    };
    rest.reset();
    expect(await store.create(largest)).toMatchObject({ kind: 'created' });
    expect(rest.longest()).toBeGreaterThan(448 * 1024);
    expect(rest.longest()).toBeLessThan(1024 * 1024);
    expect(await store.get(job.id)).toEqual(job);
  });

  it('an answer that is lost changes nothing: the client asks again and hears the same', async () => {
    const clock = testClock();
    const store = open(clock);
    const job = newJob(clock);
    const lost = <T>(operation: () => Promise<T>): Promise<T> => {
      rest.faults.next({ cut: 'after' });
      return operation();
    };
    const idempotency = { key: 'lost', fingerprint: 'print', earlier: [] };
    const create = () => store.create({ job, credential: bytes(1), body: bytes(1, 2, 3), idempotency });
    expect(await lost(create)).toMatchObject({ kind: 'created', job: { id: job.id } });
    expect(await lost(() => store.claim(job.id, 5_000))).toMatchObject({ kind: 'claimed', job: { attempts: 1 } });
    expect(await lost(() => store.renew(job.id, 1, 5_000))).toMatchObject({ kind: 'renewed' });
    const progress = { attempt: 1, chunks: 1, size: 3, events: 2 };
    expect(await lost(() => store.append(job.id, progress, 0, bytes(4)))).toMatchObject({ kind: 'appended' });
    const version = (await store.get(job.id))?.version;
    expect(version).toBe(3);
    const retry = { kind: 'retry', dueAt: clock.now() } as const;
    expect(await lost(() => store.settle(job.id, 1, retry, null))).toMatchObject({ kind: 'settled' });
    await store.claim(job.id, 5_000);
    expect(await lost(() => store.cancel(job.id))).toMatchObject({
      status: 'in_progress',
      cancelRequestedAt: clock.now(),
    });
    const settled = await lost(() => store.settle(job.id, 2, FAILED, null));
    expect(settled).toMatchObject({ kind: 'settled', job: { status: 'cancelled', attempts: 2, failures: 1 } });
    expect(await lost(() => store.requeue(job.id, null))).toMatchObject({ kind: 'requeued' });
    await store.cancel(job.id);
    expect(await lost(() => store.remove(job.id))).toBe('removed');
    expect(await store.counts()).toEqual({
      queued: 0,
      in_progress: 0,
      completed: 0,
      failed: 0,
      cancelled: 0,
      expired: 0,
    });
  });

  it('every key has a lifetime', async () => {
    const clock = testClock();
    const store = open(clock);
    const job = newJob(clock);
    await store.create({
      job,
      credential: null,
      body: bytes(1),
      idempotency: { key: 'k', fingerprint: 'f', earlier: [] },
    });
    await store.claim(job.id, 5_000);
    await store.append(job.id, { attempt: 1, chunks: 1, size: 3, events: 1 }, 0, bytes(1));
    const immortal = await upstashTransport(rest).run(
      "local found = {} for _, key in ipairs(redis.call('KEYS', '*')) do if redis.call('PTTL', key) == -1 then table.insert(found, key) end end return found",
      [],
      [],
    );
    if (!Array.isArray(immortal)) throw new Error('no list of keys');
    expect(immortal).toEqual([]);
  });
});
