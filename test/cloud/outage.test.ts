import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { redisStore } from '../../lib/store/redis.ts';
import { upstashTransport } from '../../lib/store/upstash.ts';
import { describeRedis } from '../fakes/redis-server.ts';
import { chatChunk, completion, DONE, failing, json, pushed } from '../harness/answers.ts';
import type { Caller } from '../harness/client.ts';
import { backendOf, startCloudGateway } from '../harness/cloud.ts';
import { movableClock, type Stand, startStand } from '../harness/stand.ts';

const PATIENCE = { timeout: 15_000, interval: 20 };
const LEASE_MS = 5_000;

describeRedis('accepted jobs on Redis + QStash', () => {
  let clock: ReturnType<typeof movableClock>;
  let stand: Stand;
  let caller: Caller;
  let backend: ReturnType<typeof backendOf>;
  beforeEach(async () => {
    clock = movableClock();
    stand = await startStand(startCloudGateway, { clock });
    caller = stand.caller('sk-outage-caller');
    backend = backendOf(stand.gateway.data);
  });
  afterEach(() => stand.stop());

  const deliveriesOf = (id: string, path = '/api/worker') =>
    backend.qstash.deliveries.filter(({ url, body }) => url.endsWith(path) && body.toString().includes(id));
  /** Redis answers nothing but errors until `clear`. */
  const redisAway = () => backend.redis.faults.sometimes({ status: 503 }, 1);
  /** Delivers without waiting until `holds`. */
  const hurriedUntil = (holds: () => void) =>
    vi.waitFor(() => {
      backend.qstash.hurry();
      holds();
    }, PATIENCE);

  it('outlast a Redis that is away for all deliveries of their message: they are sent again', async () => {
    const { id } = await caller.submit(stand.on('/away', json({})), { delay_s: 1 });
    redisAway();
    // The first delivery, and as many as the plan allows after it.
    await hurriedUntil(() => expect(deliveriesOf(id).filter(({ status }) => status === 503)).toHaveLength(4));
    backend.redis.faults.clear();
    // The queue's word of it may have come to a Redis that was still away.
    const words = () => backend.qstash.deliveries.filter(({ url }) => url.endsWith('/failed'));
    await hurriedUntil(() => expect(words().map(({ status }) => status)).toContain(200));
    const waiting = await caller.until(id, ({ next_attempt_at }) => next_attempt_at !== null);
    expect(waiting).toMatchObject({ status: 'queued', attempts: 0, error: null });
    clock.advance(61_000);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(stand.received('/away')).toHaveLength(1);
  });

  it('… also where it is away for the queue’s word of that, and nobody hears of it', async () => {
    const { id } = await caller.submit(stand.on('/gone', json({})), { delay_s: 1 });
    redisAway();
    await hurriedUntil(() => expect(backend.qstash.pending()).toEqual([]));
    backend.redis.faults.clear();
    clock.advance(62_000);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 1 });
  });

  it('are not failed by a second message of theirs that is used up', async () => {
    const path = stand.on(
      '/busy',
      failing(503, { 'retry-after': '50' }),
      failing(503, { 'retry-after': '50' }),
      json({}),
    );
    backend.qstash.faults.delivery.next({ delayMs: 300 });
    const { id } = await caller.submit(path);
    // The first message is late, and a reader has it sent again.
    clock.advance(61_000);
    await caller.job(id);
    await caller.until(id, ({ attempts, status }) => attempts === 1 && status === 'queued');
    await vi.waitFor(() => expect(deliveriesOf(id).length).toBeGreaterThan(1), PATIENCE);
    for (let attempt = 1; attempt < 3; attempt++) {
      for (let time = 0; time < 5; time++) backend.qstash.hurry();
      // Past its time, and a minute more: where both messages are used up before it, whoever looks sends it again.
      clock.advance(112_000);
      await caller.until(id, ({ attempts, status }) => attempts > attempt || status === 'completed');
    }
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 3 });
  });

  /** What a worker leaves that dies with its message. */
  async function lost(path: string) {
    backend.qstash.faults.delivery.next({ lost: 'request' });
    const { id } = await caller.submit(stand.on(path, json(completion('x'))));
    await backend.qstash.idle();
    const dead = redisStore({ transport: upstashTransport(backend.redis), clock });
    expect((await dead.claim(id, LEASE_MS)).kind).toBe('claimed');
    await dead.close();
    clock.advance(LEASE_MS + 61_000);
    return id;
  }

  it('that a worker has taken with it are made up for by whoever polls', async () => {
    const id = await lost('/polled');
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 2 });
    expect(stand.received('/polled')).toHaveLength(1);
  });

  it('… and by the sweep', async () => {
    const id = await lost('/swept');
    const body = '{}';
    const door = '/api/worker/sweep';
    const swept = await caller.send('POST', door, { headers: await stand.gateway.signed(door, body), body });
    expect(await swept.json()).toEqual({ repaired: 1, removed: 0 });
    await vi.waitFor(() => expect(stand.received('/swept')).toHaveLength(1), PATIENCE);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 2 });
  });

  it('that were stored, and neither queued nor taken back, are run all the same', async () => {
    // Scripts are known by their hashes from then on.
    await caller.ended((await caller.submit(stand.on('/unsent', json({})))).id);
    backend.qstash.faults.publish.next({ status: 400 });
    let created = false;
    backend.redis.faults.sometimes({ status: 503 }, 1, () => {
      // All but the first command, which stores it.
      const isLater = created;
      created = true;
      return isLater;
    });
    const { id } = await caller.submit('/unsent');
    backend.redis.faults.clear();
    expect(await caller.job(id)).toMatchObject({ status: 'queued' });
    clock.advance(61_000);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 1 });
  });

  it('cost three commands of Redis from their submission to their end, and one message', async () => {
    const warm = await caller.submit(stand.on('/cost', json(completion('x'))));
    await caller.ended(warm.id);
    await backend.qstash.idle();
    backend.redis.reset();
    const messages = backend.qstash.messages.length;
    const { id } = await caller.submit('/cost');
    await backend.qstash.idle();
    expect([backend.redis.count(), backend.qstash.messages.length - messages]).toEqual([3, 1]);
    backend.redis.reset();
    expect(await caller.job(id)).toMatchObject({ status: 'completed' });
    expect(backend.redis.count()).toBe(1);
  });

  it('cost who tails their streams no more than five commands a second', async () => {
    const answer = pushed();
    const { id } = await caller.submit(stand.on('/tailed/v1/chat/completions', answer.handler), {
      body: { stream: true },
    });
    await answer.come;
    const started = Date.now();
    const tail = caller.get(`/api/jobs/${id}/stream`).then((response) => response.text());
    backend.redis.reset();
    for (let chunk = 0; chunk < 40; chunk++) {
      answer.push(chatChunk(`piece ${chunk}`));
      await new Promise((resolve) => setTimeout(resolve, 75));
    }
    const appended = Math.ceil((Date.now() - started) / 250) + 1;
    const seconds = (Date.now() - started) / 1000;
    // What the worker writes is not the reader's; its lease takes one more now and then.
    expect(backend.redis.count() - appended).toBeLessThanOrEqual(Math.ceil(5 * seconds) + 5);
    answer.end(DONE);
    expect((await tail).split('piece ')).toHaveLength(41);
  });

  it('one reader of a job that is late has it sent again once, however often it looks', async () => {
    backend.qstash.faults.delivery.next({ lost: 'request' });
    backend.qstash.faults.delivery.next({ lost: 'request' });
    const { id } = await caller.submit(stand.on('/late', json({})));
    await backend.qstash.idle();
    clock.advance(61_000);
    for (let look = 0; look < 10; look++) await caller.job(id);
    expect(backend.qstash.messages.filter(({ labels }) => labels.includes(`${id}.1`))).toHaveLength(2);
  });
});
