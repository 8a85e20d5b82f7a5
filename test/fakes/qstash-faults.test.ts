import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bench, startBench } from './qstash/bench.ts';

describe('faults of the QStash stand-in: deliveries', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await startBench();
  });
  afterEach(() => bench.stop());

  it('are doubled, lost or held back on demand', async () => {
    const { client, qstash, at, bodies, received } = bench;
    const { delivery } = qstash.faults;
    const send = (path: string) => client.publish({ url: at(path), body: path });

    delivery.next({ duplicate: 'together' });
    delivery.next({ duplicate: 'after' });
    await send('/doubled');
    await send('/doubled-too');
    await qstash.idle();
    expect([received('/doubled').length, received('/doubled-too').length]).toEqual([2, 2]);
    expect(new Set(received('/doubled').map(({ headers }) => headers['upstash-message-id'])).size).toBe(1);

    delivery.next({ duplicate: 'together', copies: 4 });
    await send('/five');
    await qstash.idle();
    expect(received('/five')).toHaveLength(5);

    delivery.next({ lost: 'request' });
    await send('/never');
    await qstash.idle();
    expect(received('/never')).toEqual([]);
    expect(qstash.events.at(-1)?.state).toBe('DELIVERED');

    delivery.next({ lost: 'answer' });
    await send('/repeated');
    await qstash.idle();
    expect(received('/repeated').map(({ headers }) => headers['upstash-retried'])).toEqual(['0', '1']);

    const before = bodies().length;
    delivery.next({ behind: 2 }, { when: ({ message }) => message.body.toString() === '/late' });
    for (const path of ['/late', '/x', '/y']) await send(path);
    await qstash.idle();
    expect(bodies().slice(before).at(-1)).toBe('/late');
    delivery.next({ delayMs: 500 }, { when: ({ message }) => message.body.toString() === '/slow' });
    for (const path of ['/slow', '/fast']) await send(path);
    await qstash.idle();
    expect(bodies().slice(-2)).toEqual(['/fast', '/slow']);
  });

  it('are signed with another key, or by a wrong clock, on demand', async () => {
    const { client, qstash, at, received, verify } = bench;
    const { delivery } = qstash.faults;
    delivery.next({ signedWith: 'next' });
    delivery.next({ signedWith: 'wrong' });
    delivery.next({ skewS: 120 });
    delivery.next({ skewS: -600 });
    const url = at('/worker');
    for (let count = 0; count < 4; count++) {
      await client.publish({ url });
      await qstash.idle();
    }
    const [next, wrong, early, late] = received();
    if (next === undefined || wrong === undefined || early === undefined || late === undefined)
      throw new Error('too few');
    expect(await verify(next)).toBe(true);
    await expect(verify(next, { ...qstash.keys(), next: 'old' })).rejects.toThrow(/signature/);
    await expect(verify(wrong)).rejects.toThrow(/signature/);
    // The receiver tells only what is wrong with its second key.
    const { current } = qstash.keys();
    await expect(verify(early, { current, next: current })).rejects.toThrow(/nbf/);
    await expect(verify(late, { current, next: current })).rejects.toThrow(/exp/);
    await expect(verify(late)).rejects.toThrow(/signature/);
  });

  it('are still genuine to who knows the keys from before a rotation, once', async () => {
    const { client, qstash, at, received, verify } = bench;
    const known = { ...qstash.keys() };
    const url = at('/worker');
    for (let rotations = 1; rotations <= 2; rotations++) {
      qstash.rotateKeys();
      await client.publish({ url });
      await qstash.idle();
    }
    const [once, twice] = received();
    if (once === undefined || twice === undefined) throw new Error('too few');
    expect(await verify(once, known)).toBe(true);
    await expect(verify(twice, known)).rejects.toThrow(/signature/);
  });
});
