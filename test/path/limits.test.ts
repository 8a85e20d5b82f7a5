import { expect, it } from 'vitest';
import { completion, held, json, pushed } from '../harness/answers.ts';
import { errorIn, listIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { EventsOf } from '../harness/events.ts';
import { startStand } from '../harness/stand.ts';

const chat = '/v1/chat/completions';

for (const { name, start } of compositions) {
  it(`jobs that wait are as many as may be, in all and of a caller, and no more is stored: ${name}`, async () => {
    const env = { MAX_QUEUED_JOBS: '5', MAX_QUEUED_JOBS_PER_CALLER: '3' };
    const stand = await startStand(start, { env });
    const [one, two] = [stand.caller('sk-one'), stand.caller('sk-two')];
    stand.on('/later', json({}));
    for (let made = 0; made < 3; made++) await one.submit('/later', { delay_s: 600 });
    for (let made = 0; made < 2; made++) await two.submit('/later', { delay_s: 600 });
    const body = { service: 'local', path: '/later', body: {} };
    const long = { ...body, body: { text: 'x'.repeat(400_000) } };
    const before = (await stand.gateway.stored()).size;
    for (const [caller, request, limit] of [
      [one, body, 'queued-jobs"'],
      [two, body, 'queued-jobs"'],
      [two, long, 'queued-jobs"'],
    ] as const) {
      const response = await caller.post('/api/jobs', request);
      expect([response.status, response.headers.get('retry-after')]).toEqual([429, '5']);
      expect(response.headers.get('ratelimit')).toMatch(/^"queued-jobs(-per-caller)?";r=0;t=5$/);
      expect(response.headers.get('ratelimit-policy')).toContain(limit);
      expect(await errorIn(response)).toMatchObject({ type: 'RATE_LIMIT', code: 'too_many_jobs' });
    }
    expect((await stand.gateway.stored()).size).toBe(before);
    // A native call too; one that ends makes room; a sync call needs none.
    const native = await one.post(
      `/gateway/local${stand.on(chat, json(completion('x')))}`,
      {},
      { prefer: 'respond-async' },
    );
    expect(native.status).toBe(429);
    expect((await one.post(`/gateway/local${chat}`)).status).toBe(200);
    const [first] = (await listIn(await two.get('/api/jobs'))).data;
    await two.post(`/api/jobs/${first?.id}/cancel`);
    const perCaller = await one.post('/api/jobs', body);
    expect(perCaller.headers.get('ratelimit-policy')).toBe('"queued-jobs-per-caller";q=3');
    expect((await two.submit('/later', { delay_s: 600 })).status).toBe('queued');
    // Nor is one that ended run again where no other may wait.
    const full = await two.post(`/api/jobs/${first?.id}/retry`);
    expect([full.status, (await errorIn(full)).code]).toEqual([429, 'too_many_jobs']);
    expect(await two.job(first?.id ?? '')).toMatchObject({ status: 'cancelled' });
    await stand.stop();
  });

  it(`a repeat under a key joins its job, also where no other may wait: ${name}`, async () => {
    const stand = await startStand(start, { env: { MAX_QUEUED_JOBS_PER_CALLER: '1' } });
    const caller = stand.caller('sk-joins');
    const key = { 'idempotency-key': 'k' };
    const first = await caller.submit('/later', { delay_s: 600 }, key);
    expect((await caller.submit('/later', { delay_s: 600 }, key)).id).toBe(first.id);
    const other = await caller.post('/api/jobs', { service: 'local', path: '/later' });
    expect(other.status).toBe(429);
    await stand.stop();
  });

  /** An answer that says that as many streams are open as may be. */
  const refusal = async (response: Response) => {
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '2']);
    expect(response.headers.get('ratelimit-policy')).toBe('"open-streams";q=2');
    expect((await errorIn(response)).code).toBe('too_many_streams');
  };

  // On the platform calls and jobs have functions of their own, each with its own places.
  it(`streams of calls are as many as may be open, and make room when they end or their reader goes: ${name}`, async () => {
    const stand = await startStand(start, { env: { MAX_CONCURRENT_STREAMS: '2' } });
    const caller = stand.caller('sk-streams');
    const answers = [pushed(), pushed(), pushed()];
    stand.on(chat, ...answers.map(({ handler }) => handler));
    const ask = (headers = {}) => caller.post(`/gateway/local${chat}`, { stream: true }, headers);
    const open = [new EventsOf(await ask()), new EventsOf(await ask())];
    await refusal(await ask());
    await refusal(await ask({ 'x-gateway-stream': 'replay' }));
    expect(stand.received(chat)).toHaveLength(2);
    // What is no stream is answered as ever.
    expect((await caller.get('/gateway/demo/v1/models')).status).toBe(200);
    answers[0]?.end('data: [DONE]\n\n');
    await open[0]?.rest();
    const third = new EventsOf(await ask());
    await refusal(await ask());
    await open[1]?.leave();
    await expect
      .poll(async () => {
        const again = await ask();
        await again.body?.cancel();
        return again.status;
      })
      .toBe(200);
    await third.leave();
    await stand.stop();
  });

  it(`so are streams of jobs, and of their changes: ${name}`, async () => {
    const stand = await startStand(start, { env: { MAX_CONCURRENT_STREAMS: '2', HEARTBEAT_INTERVAL_MS: '50' } });
    const caller = stand.caller('sk-streams');
    const { id } = await caller.submit('/later', { delay_s: 600 });
    const tail = () => caller.get(`/api/jobs/${id}/stream`);
    const changes = () => caller.get(`/api/jobs/${id}`, { accept: 'text/event-stream' });
    const open = [new EventsOf(await tail()), new EventsOf(await changes())];
    await refusal(await tail());
    await refusal(await changes());
    expect((await caller.get(`/api/jobs/${id}`)).status).toBe(200);
    await open[0]?.heartbeats(1);
    await open[0]?.leave();
    await expect
      .poll(async () => {
        const again = await tail();
        await again.body?.cancel();
        return again.status;
      })
      .toBe(200);
    await open[1]?.leave();
    await stand.stop();
  });

  it(`a HEAD takes no place, whatever it would be the head of: ${name}`, async () => {
    const stand = await startStand(start, { env: { MAX_CONCURRENT_STREAMS: '1', HEARTBEAT_INTERVAL_MS: '50' } });
    const caller = stand.caller('sk-heads');
    const { id } = await caller.submit('/later', { delay_s: 600 });
    for (let asked = 0; asked < 3; asked++) {
      expect((await caller.send('HEAD', `/api/jobs/${id}/stream`)).status).toBe(200);
      expect((await caller.send('HEAD', `/api/jobs/${id}`, { headers: { accept: 'text/event-stream' } })).status).toBe(
        200,
      );
    }
    const tail = await caller.get(`/api/jobs/${id}/stream`);
    expect(tail.status).toBe(200);
    await tail.body?.cancel();
    await stand.stop();
  });

  it(`requests of a caller are counted, where that is wanted: ${name}`, async () => {
    const stand = await startStand(start, { env: { RATE_LIMIT: '3', RATE_LIMIT_WINDOW: '3600' } });
    const caller = stand.caller('sk-counted');
    stand.on(chat, json(completion('x')));
    const call = () => caller.post(`/gateway/local${chat}`);
    const first = await call();
    expect([first.status, first.headers.get('ratelimit-policy')]).toEqual([200, '"requests-per-caller";q=3;w=3600']);
    expect(first.headers.get('ratelimit')).toMatch(/^"requests-per-caller";r=2;t=\d+$/);
    const { id } = await caller.submit('/later', { delay_s: 600 });
    expect((await call()).headers.get('ratelimit')).toContain('r=0');
    for (const send of [call, () => caller.post('/api/jobs', { service: 'local', path: '/later' })]) {
      const response = await send();
      expect(response.status).toBe(429);
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await errorIn(response)).toMatchObject({ code: 'rate_limited', type: 'RATE_LIMIT' });
    }
    // What costs nothing is free, and others have their own.
    expect((await caller.get(`/api/jobs/${id}`)).status).toBe(200);
    expect((await stand.caller('sk-other').post(`/gateway/local${chat}`)).status).toBe(200);
    expect(stand.received(chat)).toHaveLength(3);
    await stand.stop();
  });

  it(`a stream that is held for a key keeps its place until it ends: ${name}`, async () => {
    const stand = await startStand(start, { env: { MAX_CONCURRENT_STREAMS: '1', CHUNK_DELAY_MS: '0' } });
    const caller = stand.caller('sk-held');
    const answer = held(completion('x'));
    stand.on(chat, answer.handler);
    const keyed = await caller.post(
      `/gateway/local${chat}`,
      { stream: true },
      {
        'idempotency-key': 'k',
        'x-gateway-stream': 'replay',
      },
    );
    const another = () => {
      const headers = { 'idempotency-key': 'another', 'x-gateway-stream': 'replay' };
      return caller.post(`/gateway/local${chat}`, { stream: true }, headers);
    };
    expect((await another()).status).toBe(429);
    await answer.come;
    answer.go();
    await new EventsOf(keyed).rest();
    await expect
      .poll(async () => {
        const again = await another();
        await again.body?.cancel();
        return again.status;
      })
      .toBe(200);
    await stand.stop();
  });
}
