import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { qstashAdmin } from '../../lib/queue/qstash-schedule.ts';
import { describeRedis } from '../fakes/redis-server.ts';
import { json } from '../harness/answers.ts';
import type { Caller } from '../harness/client.ts';
import { backendOf, startCloudGateway } from '../harness/cloud.ts';
import { movableClock, type Stand, startStand } from '../harness/stand.ts';

const DOOR = '/api/worker/sweep';
const PATIENCE = { timeout: 10_000 };

describeRedis('the sweep on Redis + QStash', () => {
  let clock: ReturnType<typeof movableClock>;
  let stand: Stand;
  let caller: Caller;
  let qstash: ReturnType<typeof backendOf>['qstash'];
  beforeEach(async () => {
    clock = movableClock();
    stand = await startStand(startCloudGateway, { clock });
    caller = stand.caller('sk-sweep-caller');
    qstash = backendOf(stand.gateway.data).qstash;
  });
  afterEach(() => stand.stop());

  /** Fires the schedule of the sweep, and gives what its door has answered. */
  const fire = async () => {
    const destination = `${stand.gateway.url}${DOOR}`;
    await qstashAdmin(qstash).schedule({ id: 'sweep', cron: '*/5 * * * *', destination, timeout: 60, headers: {} });
    const messageId = qstash.fire('sweep');
    return vi.waitFor(() => {
      const status = qstash.deliveries.find((delivery) => delivery.messageId === messageId)?.status;
      expect(status).toBeGreaterThan(0);
      return status;
    }, PATIENCE);
  };
  const swept = () => stand.gateway.lines.filter((line) => line.includes('swept')).map((line) => line.split(' | ')[1]);

  it('runs a job whose message was lost, though nobody polls it and QStash remembers the message', async () => {
    qstash.faults.delivery.next({ lost: 'request' });
    await caller.submit(stand.on('/lost', json({})));
    await qstash.idle();
    expect(await fire()).toBe(200);
    expect(swept()).toEqual([]);
    clock.advance(61_000);
    expect(await fire()).toBe(200);
    await vi.waitFor(() => expect(stand.received('/lost')).toHaveLength(1), PATIENCE);
    expect(swept()).toEqual(['repaired=1 removed=0']);
  });

  it('is not needed for a job that somebody polls', async () => {
    qstash.faults.delivery.next({ lost: 'request' });
    const { id } = await caller.submit(stand.on('/polled', json({})));
    await qstash.idle();
    clock.advance(61_000);
    for (let poll = 0; poll < 5; poll++) await caller.job(id);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 1 });
    const sent = qstash.messages.filter(({ labels }) => labels.includes(`${id}.1`));
    expect(sent.map(({ source }) => source.headers['upstash-deduplication-id'])).toEqual([`${id}-1`, `${id}-1.0`]);
  });

  it('a poll answers the job also where QStash takes nothing, and the log tells', async () => {
    qstash.faults.delivery.next({ lost: 'request' });
    const { id } = await caller.submit(stand.on('/refused', json({})));
    await qstash.idle();
    clock.advance(61_000);
    qstash.faults.publish.next({ status: 400 });
    expect(await caller.job(id)).toMatchObject({ status: 'queued' });
    expect(stand.gateway.lines.join('\n')).toContain(`could not be sent again | job=${id}`);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed' });
  });

  it('removes what has expired, and leaves nothing of it', async () => {
    const { id } = await caller.submit(stand.on('/expired', json({ some: 'result' })), { ttl_s: 60 });
    await caller.ended(id);
    clock.advance(61_000);
    const holds = async () => {
      const stored = await stand.gateway.stored();
      return Array.from(stored).filter(([place, bytes]) => place.startsWith('key') && bytes.includes(id));
    };
    expect(await holds()).not.toEqual([]);
    expect(await fire()).toBe(200);
    expect(swept()).toEqual(['repaired=0 removed=1']);
    expect(await holds()).toEqual([]);
  });

  it('answers what it has done to a call that QStash has signed for this very door, and 401 to any other', async () => {
    const body = '{}';
    const call = async (headers: Record<string, string>, method = 'POST') => {
      const init = method === 'POST' ? { headers, body } : { headers };
      return stand.caller().send(method, DOOR, init);
    };
    const genuine = await call(await stand.gateway.signed(DOOR, body));
    expect([genuine.status, await genuine.json()]).toEqual([200, { repaired: 0, removed: 0 }]);
    const forged = [
      {},
      await stand.gateway.signed('/api/worker', body),
      await stand.gateway.signed('/api/worker/failed', body),
      await stand.gateway.signed(`${DOOR}/`, body),
      await stand.gateway.signed(`${DOOR}?a=b`, body),
      await stand.gateway.signed(DOOR, `${body} `),
      await stand.gateway.signed(DOOR, body, { key: 'another key' }),
      await stand.gateway.signed(DOOR, body, { skewS: -700 }),
    ];
    for (const headers of forged) expect((await call(headers)).status).toBe(401);
    expect((await call({}, 'GET')).status).toBe(405);
  });

  it('fails where QStash takes nothing, and says so by its status', async () => {
    qstash.faults.delivery.next({ lost: 'request' });
    await caller.submit(stand.on('/failing', json({})));
    await qstash.idle();
    clock.advance(61_000);
    qstash.faults.publish.next({ status: 400 }, { when: ({ path }) => path === '/v2/batch' });
    expect(await fire()).toBe(503);
    expect(stand.received('/failing')).toHaveLength(0);
    clock.advance(61_000);
    expect(await fire()).toBe(200);
    await vi.waitFor(() => expect(stand.received('/failing')).toHaveLength(1), PATIENCE);
  });
});
