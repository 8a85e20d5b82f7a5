import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Bench, startBench } from './qstash/bench.ts';

describe('the API of the QStash stand-in, through @upstash/qstash', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await startBench();
    // The SDK prints every refusal, besides throwing it.
    for (const level of ['error', 'warn'] as const) vi.spyOn(console, level).mockReturnValue();
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await bench.stop();
  });

  const api = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
    fetch(bench.qstash.url + path, {
      method,
      headers: { authorization: `Bearer ${bench.qstash.token}`, ...headers },
      ...(body === undefined ? {} : { body }),
    });

  it('shows and cancels what waits, and says when there is nothing', async () => {
    const url = bench.at('/worker');
    const { messageId } = await bench.client.publish({ url, body: 'a', delay: '1h', label: 'x', retries: 7 });
    await bench.client.publish({ url, body: 'b', delay: '1h', label: 'y' });
    await bench.client.publish({ url, body: 'c', delay: '1h', label: 'y' });
    expect(await bench.client.messages.get(messageId)).toMatchObject({
      messageId,
      url,
      body: 'a',
      maxRetries: 7,
      label: 'x',
    });
    expect(await bench.client.messages.cancel(messageId)).toEqual({ cancelled: 1 });
    expect(await bench.client.messages.cancel({ filter: { label: 'y' } })).toEqual({ cancelled: 2 });
    await bench.qstash.idle();
    await expect(bench.client.messages.cancel(messageId)).rejects.toMatchObject({ status: 404 });
    await expect(bench.client.messages.get(messageId)).rejects.toMatchObject({ status: 404 });
    expect(bench.received()).toEqual([]);
    const { logs } = await bench.client.logs({ filter: { messageId } });
    expect(logs.map(({ state }) => state)).toEqual(['CANCELLED', 'CANCEL_REQUESTED', 'CREATED']);
  });

  it('tells what has happened, the latest first, in pages', async () => {
    const url = bench.at('/worker', { status: 500 }, {});
    const { messageId } = await bench.client.publish({ url, body: 'a', label: 'mine' });
    await bench.qstash.idle();
    const states = ['DELIVERED', 'ACTIVE', 'RETRY', 'ERROR', 'ACTIVE', 'CREATED'];
    const all = await bench.client.logs({ filter: { label: 'mine' } });
    expect(all.logs.map(({ state }) => state)).toEqual(states);
    expect(all.logs.every((event) => event.messageId === messageId)).toBe(true);
    const first = await bench.client.logs({ count: 4 });
    const cursor = first.cursor ?? '';
    const second = await bench.client.logs({ count: 4, cursor });
    expect([...first.logs, ...second.logs].map(({ state }) => state)).toEqual(states);
    expect(second.cursor).toBeUndefined();
    expect(await (await api('GET', '/v2/logs?state=RETRY')).json()).toMatchObject({
      logs: [{ state: 'RETRY', messageId }],
    });
  });

  it('gives its signing keys out, and rotates them', async () => {
    const before = bench.qstash.keys();
    expect(await (await api('GET', '/v2/keys')).json()).toEqual(before);
    expect(await (await api('POST', '/v2/keys/rotate')).json()).toMatchObject({ current: before.next });
    expect(bench.qstash.keys().current).toBe(before.next);
  });

  it('keeps schedules and fires them when the test says so', async () => {
    const { schedules } = bench.client;
    const destination = bench.at('/cron');
    const { scheduleId } = await schedules.create({
      destination,
      cron: '*/5 * * * *',
      body: 'tick',
      retries: 1,
      delay: 2,
    });
    expect(await schedules.get(scheduleId)).toMatchObject({
      scheduleId,
      destination,
      cron: '*/5 * * * *',
      retries: 1,
      delay: 2,
    });
    expect(bench.qstash.fire(scheduleId)).toMatch(/^msg_/);
    await bench.qstash.idle();
    expect(bench.bodies()).toEqual(['tick']);
    expect(bench.received()[0]?.headers['upstash-schedule-id']).toBe(scheduleId);
    await schedules.pause({ schedule: scheduleId });
    expect(bench.qstash.fire(scheduleId)).toBeNull();
    expect((await schedules.list()).map(({ isPaused }) => isPaused)).toEqual([true]);
    await schedules.delete(scheduleId);
    await expect(schedules.get(scheduleId)).rejects.toMatchObject({ status: 404 });
    await expect(schedules.create({ destination, cron: 'daily' })).rejects.toThrow(/invalid cron/);
  });

  it('strikes other requests apart from publishing', async () => {
    bench.qstash.faults.api.next({ status: 503 }, { when: ({ method }) => method === 'DELETE' });
    const { messageId } = await bench.client.publish({ url: bench.at('/worker'), body: 'a', delay: '1h' });
    await expect(bench.client.messages.cancel(messageId)).rejects.toMatchObject({ status: 503 });
    await bench.client.messages.cancel(messageId);
  });
});
