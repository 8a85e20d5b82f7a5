import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { CHUNK_SIZE } from '../../lib/jobs/chunks.ts';
import { redisStore } from '../../lib/store/redis.ts';
import { upstashTransport } from '../../lib/store/upstash.ts';
import { record } from '../../lib/worker/record.ts';
import { DeliveryTime } from '../../lib/worker/time.ts';
import { newJob } from '../contract/fixtures.ts';
import { type RedisRest, startRedisRest } from '../fakes/redis-rest.ts';
import { describeRedis, type RedisServer, startRedisServer } from '../fakes/redis-server.ts';
import { log, secrets } from '../worker/record.ts';

const MIB = 1_048_576;

describeRedis("Upstash's limit of 10 MB a request", () => {
  let server: RedisServer;
  let rest: RedisRest;
  beforeAll(async () => {
    server = await startRedisServer();
  });
  afterEach(() => rest.stop());
  afterAll(() => server.stop());

  /** A stream whose one event is as long as an event may be, in one chunk with as much before it as can be; or longer. */
  function largestStream(more: number): Uint8Array[] {
    const before = `data: ${'b'.repeat(CHUNK_SIZE - 9)}\n\n`;
    const head = `data: ${'e'.repeat(4 * MIB - 6 + more)}`;
    const tail = `${'t'.repeat(CHUNK_SIZE - 2)}\n\n`;
    return [before, head, tail].map((text) => new TextEncoder().encode(text));
  }

  async function recordLargest({ more = 0, maxRequestBytes }: { more?: number; maxRequestBytes?: number } = {}) {
    rest = await startRedisRest({
      socket: server.socket,
      ...(maxRequestBytes === undefined ? {} : { maxRequestBytes }),
    });
    const store = redisStore({ transport: upstashTransport(rest), clock: systemClock });
    const job = newJob(systemClock, { request: { chunks: 0, size: 0 } });
    await store.create({ job, credential: null, body: null, idempotency: null });
    const claimed = await store.claim(job.id, 60_000);
    if (claimed.kind !== 'claimed') throw new Error(claimed.kind);
    const sizes: number[] = [];
    const measured: Pick<typeof store, 'append'> = {
      append(id, progress, eventsBefore, bytes) {
        sizes.push(bytes.byteLength);
        return store.append(id, progress, eventsBefore, bytes);
      },
    };
    const pieces = largestStream(more);
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const piece = pieces.shift();
        if (piece === undefined) controller.close();
        else controller.enqueue(piece);
      },
    });
    const headers = new Headers({ 'content-type': 'text/event-stream' });
    const response = { status: 200, headers, body };
    const recorded = await record(
      { store: measured, secrets, log, time: new DeliveryTime(null) },
      claimed.job,
      response,
    );
    const { result, usage, last } = recorded;
    const settled = await store.settle(job.id, 1, { kind: 'completed', result, usage }, last);
    return { store, job, sizes, settled, result };
  }

  it('lets the largest chunk pass that a stream can make, with room to spare', async () => {
    const { store, job, sizes, settled, result } = await recordLargest();
    expect(Math.max(...sizes)).toBeGreaterThan(4.5 * MIB - 64);
    expect(settled.kind).toBe('settled');
    const chunks = await store.resultChunks(job.id, 1, 0, 4);
    expect(chunks).toHaveLength(result.chunks);
    expect(chunks.map(({ bytes }) => bytes.byteLength)).toEqual(sizes);
    // Base64 makes four characters of three bytes; what goes with it is small.
    await rest.stop();
    const tight = await recordLargest({ maxRequestBytes: Math.ceil((Math.max(...sizes) * 4) / 3) + 20_000 });
    expect(tight.settled.kind).toBe('settled');
  });

  it('is never come near: what would be longer is not taken of the provider', async () => {
    await expect(recordLargest({ more: 1 })).rejects.toMatchObject({ code: 'response_too_large' });
  });
});
