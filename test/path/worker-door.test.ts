import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failing, held, json } from '../harness/answers.ts';
import { type Caller, errorIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { movableClock, type Stand, startStand } from '../harness/stand.ts';

const ANOTHER_KEY = btoa('another key of 24 bytes.');

function spoilt(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, name.endsWith('signature') ? 'v1,x' : value]),
  );
}

/** A token that says of itself that it needs no signature (RFC 8725 section 2.1). */
function unsigned(sub: string): Record<string, string> {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const until = Math.floor(Date.now() / 1000) + 60;
  const token = `${part({ alg: 'none', typ: 'JWT' })}.${part({ iss: 'Upstash', sub, exp: until, nbf: 0 })}.`;
  return { 'upstash-signature': token };
}

async function enlarged(body: string, sign: (body: string) => Promise<Record<string, string>>) {
  return { headers: await sign(body), body };
}

describe.each(compositions)("the worker's doors: $name", ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start);
    caller = stand.caller('sk-door-caller');
  });
  afterAll(() => stand.stop());

  describe.each([
    ['/api/worker', '/api/worker/failed'],
    ['/api/worker/failed', '/api/worker'],
  ])('%s', (door, other) => {
    const delivery = (id: string) => stand.gateway.deliveryOf(door, id);
    const sign = (body: string, wrong?: { key?: string; skewS?: number }) => stand.gateway.signed(door, body, wrong);
    type Forgery = (body: string) => Promise<{ headers: Record<string, string>; body: string }>;
    const forgeries: [string, Forgery][] = [
      ['no signature', async (body) => ({ headers: {}, body })],
      ['a signature by another key', async (body) => ({ headers: await sign(body, { key: ANOTHER_KEY }), body })],
      ['a signature of another body', async (body) => ({ headers: await sign(`${body} `), body })],
      ['an old signature', async (body) => ({ headers: await sign(body, { skewS: -700 }), body })],
      ['a signature of the future', async (body) => ({ headers: await sign(body, { skewS: 600 }), body })],
      ['a signature for the other door', async (body) => ({ headers: await stand.gateway.signed(other, body), body })],
      [
        'a signature for a longer path',
        async (body) => ({ headers: await stand.gateway.signed(`${door}/x`, body), body }),
      ],
      ['a token without an algorithm', async (body) => ({ headers: unsigned(`${stand.gateway.url}${door}`), body })],
      ['a signature that is none', async (body) => ({ headers: spoilt(await sign(body)), body })],
      ['more than any delivery has, though signed', async (body) => enlarged(`${body}${' '.repeat(100_000)}`, sign)],
    ];

    it.each(forgeries)('%s: 401, and nothing changes', async (_, forge) => {
      const job = await caller.submit('/never', { delay_s: 600 });
      const response = await stand.caller().send('POST', door, await forge(delivery(job.id)));
      expect(response.status).toBe(401);
      const error = await errorIn(response);
      expect(error).toMatchObject({ code: 'delivery_unauthorized', type: 'UNAUTHORIZED' });
      expect(JSON.stringify(error)).not.toContain(job.id);
      const { read_token: _token, ...before } = job;
      expect(await caller.job(job.id)).toEqual(before);
      expect(stand.received('/never')).toHaveLength(0);
    });

    it('what is signed but no delivery is never to come again', async () => {
      for (const body of ['{}', 'text', '{"job":7}', '{"sourceBody":"%%%"}', '{"sourceBody":"e30="}']) {
        const response = await stand.caller().send('POST', door, { headers: await sign(body), body });
        expect(response.status).toBe(489);
      }
    });

    it('of a job that is not there: nothing to be done', async () => {
      const body = delivery('job_000000000000000000000000');
      const response = await stand.caller().send('POST', door, { headers: await sign(body), body });
      expect(response.status).toBe(200);
    });

    it('takes POST alone', async () => {
      for (const method of ['GET', 'DELETE', 'PUT']) {
        const response = await stand.caller().send(method, door);
        expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
        expect(await errorIn(response)).toMatchObject({ code: 'method_not_allowed' });
      }
    });
  });

  it.each(['/api/worker/%66ailed', '/api/%77orker/failed', '/api/worker/%73weep'])(
    'a delivery at a door that is spelled otherwise opens nothing: %s',
    async (path) => {
      const { id } = await caller.submit('/never', { delay_s: 600 });
      const body = stand.gateway.deliveryOf('/api/worker', id);
      const headers = await stand.gateway.signed('/api/worker', body);
      const response = await stand.caller().send('POST', path, { headers, body });
      expect([response.status, (await errorIn(response)).code]).toEqual([404, 'not_found']);
      expect(await caller.job(id)).toMatchObject({ status: 'queued' });
    },
  );

  it('the door of the sweep opens to no delivery, and to nobody without a signature', async () => {
    const body = stand.gateway.deliveryOf('/api/worker', 'job_000000000000000000000000');
    const signed = await stand.gateway.signed('/api/worker', body);
    for (const headers of [{}, signed, spoilt(signed)]) {
      const response = await stand.caller().send('POST', '/api/worker/sweep', { headers, body });
      expect(response.status).toBe(401);
      expect((await errorIn(response)).code).toBe('delivery_unauthorized');
    }
    const response = await stand.caller().send('GET', '/api/worker/sweep');
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });

  const deliver = async (door: string, id: string, generation?: number) => {
    const body = stand.gateway.deliveryOf(door, id, generation);
    return stand.caller().send('POST', door, { headers: await stand.gateway.signed(door, body), body });
  };

  it('a delivery too many runs nothing twice', async () => {
    const { id } = await caller.submit(stand.on('/once', json({ once: true })));
    const ended = await caller.ended(id);
    expect((await deliver('/api/worker', id)).status).toBe(200);
    expect(await caller.job(id)).toEqual(ended);
    expect(stand.received('/once')).toHaveLength(1);
  });

  it('a delivery before its time is sent away until then', async () => {
    const { id } = await caller.submit('/never', { delay_s: 600 });
    const response = await deliver('/api/worker', id);
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(500);
    expect(await caller.job(id)).toMatchObject({ status: 'queued', attempts: 0 });
  });

  it('a message that the queue has given up says nothing of a job that waits for its time, or has ended', async () => {
    const waiting = await caller.submit('/never', { delay_s: 600 });
    const completed = await caller.submit(stand.on('/done', json({})));
    for (const before of [await caller.job(waiting.id), await caller.ended(completed.id)]) {
      expect((await deliver('/api/worker/failed', before.id)).status).toBe(200);
      expect(await caller.job(before.id)).toEqual(before);
    }
  });

  it('a message of before the job was run again has no say: it ends nothing and runs nothing', async () => {
    const path = stand.on('/again', failing(503, { 'retry-after': '500' }));
    const { id } = await caller.submit(path, { delay_s: 600 });
    await caller.post(`/api/jobs/${id}/cancel`);
    await caller.post(`/api/jobs/${id}/retry`);
    const waiting = await caller.until(id, (job) => job.attempts === 1 && job.status === 'queued');
    expect((await deliver('/api/worker/failed', id, 1)).status).toBe(200);
    expect(await caller.job(id)).toEqual(waiting);
    const late = await deliver('/api/worker', id, 1);
    expect([late.status, await late.json()]).toEqual([200, { status: 'superseded' }]);
    expect(await caller.job(id)).toEqual(waiting);
    expect((await deliver('/api/worker', id, 2)).status).toBe(503);
  });

  it('a delivery of a job that another worker has comes again when that one’s lease may be out', async () => {
    const answer = held({});
    const { id } = await caller.submit(stand.on('/held', answer.handler));
    await answer.come;
    const response = await deliver('/api/worker', id);
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    answer.go();
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(stand.received('/held')).toHaveLength(1);
  });
});

describe.each(compositions)('a job whose messages the queue gives up: $name', ({ start }) => {
  it('is sent again, twice, and then fails with the reason; its caller can have it run again', async () => {
    const clock = movableClock();
    const busy = await startStand(start, { clock, service: { parallelism: 1 } });
    const caller = busy.caller('sk-given-up');
    const first = held({});
    // Nothing else of that service is delivered while it runs.
    await caller.submit(busy.on('/busy', first.handler));
    await first.come;
    const { id } = await caller.submit(busy.on('/given-up', json({})));
    const giveUp = async () => {
      const door = '/api/worker/failed';
      const body = busy.gateway.deliveryOf(door, id);
      return busy.caller().send('POST', door, { headers: await busy.gateway.signed(door, body), body });
    };
    for (const seconds of [60, 300]) {
      expect((await giveUp()).status).toBe(200);
      const { status, next_attempt_at } = await caller.job(id);
      expect([status, Math.abs((next_attempt_at ?? 0) - clock.now() / 1000 - seconds) < 5]).toEqual(['queued', true]);
      clock.advance((seconds + 1) * 1000);
    }
    expect(await (await giveUp()).json()).toEqual({ status: 'failed' });
    const failed = await caller.job(id);
    expect(failed).toMatchObject({ attempts: 0, error: { code: 'delivery_failed', upstream_status: null } });
    const result = await caller.get(`/api/jobs/${id}/result`);
    expect(result.status).toBe(503);
    expect(await errorIn(result)).toMatchObject({ type: 'UNAVAILABLE', code: 'delivery_failed' });
    first.go();
    await caller.post(`/api/jobs/${id}/retry`);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed' });
    await busy.stop();
  });
});
