import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completion, failing, hang, json } from '../harness/answers.ts';
import { type Caller, errorIn, type JobView, jobIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { type Receiver, startReceiver, status, WEBHOOK_ENV } from '../harness/receiver.ts';
import { movableClock, type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('webhooks: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  let receiver: Receiver;
  const clock = movableClock();
  beforeAll(async () => {
    receiver = await startReceiver();
    const env = { ...WEBHOOK_ENV, WEBHOOK_TIMEOUT: '500' };
    stand = await startStand(start, { env, clock });
    caller = stand.caller('sk-webhooks');
  });
  afterAll(async () => {
    await stand.stop();
    await receiver.stop();
  });

  const told = (id: string, ...states: readonly string[]) =>
    caller.until(id, ({ webhook }) => states.includes(webhook?.status ?? ''));
  const deliveriesOf = ({ webhook }: JobView) => webhook?.deliveries.map((one) => one.status ?? one.error);
  const submit = (path: string, hook: string, request: object = {}) => {
    return caller.submit(path, { webhook: receiver.url(hook), ...request });
  };

  it('a job that has completed is told of once, with links that lead to it', async () => {
    const job = await submit(stand.on('/done', json(completion('x'))), '/done');
    expect(job.webhook).toEqual({ status: 'waiting', next_delivery_at: null, deliveries: [] });
    const [event] = await receiver.events('/done', 1);
    expect(event).toMatchObject({ type: 'job.completed', data: { id: job.id, status: 'completed' } });
    const ended = await told(job.id, 'delivered');
    expect(ended).toMatchObject({ status: 'completed', webhook: { next_delivery_at: null } });
    expect(deliveriesOf(ended)).toEqual([204]);
    for (const url of Object.values(event?.data.urls ?? {})) {
      const response = await caller.get(url.slice(caller.url.length));
      expect([url, response.status]).toEqual([expect.stringContaining(job.id), url.endsWith('/stream') ? 409 : 200]);
      await response.body?.cancel();
    }
    const [delivery] = receiver.deliveries('/done');
    expect(delivery).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json' } });
    expect(delivery?.headers).not.toHaveProperty('authorization');
  });

  it.each<[string, string, (job: JobView) => Promise<unknown>]>([
    ['failed', '/fails', async () => undefined],
    ['cancelled', '/waits', (job) => caller.post(`/api/jobs/${job.id}/cancel`)],
    ['expired', '/never', async () => clock.advance(201_000)],
  ])('one that has %s, too', async (end, path, bring) => {
    stand.on('/fails', failing(400));
    const options = { failed: {}, cancelled: { delay_s: 100 }, expired: { delay_s: 100, ttl_s: 100 } }[end] ?? {};
    const job = await submit(path, `/${end}`, options);
    await bring(job);
    if (end === 'expired') await caller.job(job.id);
    const [event] = await receiver.events(`/${end}`, 1);
    expect(event).toMatchObject({ type: `job.${end}`, data: { id: job.id, status: end } });
  });

  it('one that was to wait for long, and whose time to be cancelled came before', async () => {
    const job = await submit('/never', '/early', { delay_s: 600, cancel_after_s: 2 });
    clock.advance(3_000);
    await caller.job(job.id);
    expect((await receiver.events('/early', 1))[0]).toMatchObject({ type: 'job.cancelled', data: { id: job.id } });
  });

  it('one that is cancelled again before it was told', async () => {
    receiver.on('/twice-cancelled', status(503), status(200));
    const job = await submit('/never', '/twice-cancelled', { delay_s: 600 });
    for (let asked = 0; asked < 2; asked++) await caller.post(`/api/jobs/${job.id}/cancel`);
    await caller.until(job.id, ({ webhook }) => webhook?.deliveries.length === 1);
    await caller.post(`/api/jobs/${job.id}/cancel`);
    clock.advance(7_000);
    expect(deliveriesOf(await told(job.id, 'delivered'))).toEqual([503, 200]);
  });

  it('one that was cancelled while it ran', async () => {
    const job = await submit(stand.on('/runs', hang), '/stopped');
    await caller.until(job.id, (one) => one.status === 'in_progress');
    await caller.post(`/api/jobs/${job.id}/cancel`);
    clock.advance(5_000);
    expect((await receiver.events('/stopped', 1))[0]).toMatchObject({ type: 'job.cancelled' });
  });

  it('is tried again under the same id, each time signed anew', async () => {
    receiver.on('/again', status(500), status(503), status(200));
    const job = await submit(stand.on('/x', json({})), '/again');
    for (const seconds of [5, 30]) {
      await caller.until(job.id, ({ webhook }) => (webhook?.next_delivery_at ?? 0) * 1000 > clock.now());
      clock.advance(seconds * 1.2 * 1000);
    }
    const ended = await told(job.id, 'delivered');
    expect(deliveriesOf(ended)).toEqual([500, 503, 200]);
    const events = await receiver.events('/again', 3);
    expect(new Set(events.map(({ id }) => id)).size).toBe(1);
    const sent = receiver
      .deliveries('/again')
      .map(({ headers }) => [headers['webhook-id'], headers['webhook-timestamp']]);
    expect(new Set(sent.map(([id]) => id))).toEqual(new Set([events[0]?.id]));
    expect(new Set(sent.map(([, timestamp]) => timestamp)).size).toBe(3);
  });

  it('410 stops it; a redirect is not followed; Retry-After is kept', async () => {
    receiver.on('/gone', status(410));
    const gone = await submit(stand.on('/x', json({})), '/gone');
    expect(deliveriesOf(await told(gone.id, 'gone'))).toEqual([410]);
    receiver.on('/moved', status(302, { location: receiver.url('/elsewhere') }));
    const moved = await submit('/x', '/moved');
    const pending = await caller.until(moved.id, ({ webhook }) => webhook?.deliveries.length === 1);
    expect(deliveriesOf(pending)).toEqual([302]);
    expect(receiver.deliveries('/elsewhere')).toEqual([]);
    receiver.on('/later', status(429, { 'retry-after': '3000' }));
    const later = await submit('/x', '/later');
    const asked = await caller.until(later.id, ({ webhook }) => webhook?.deliveries.length === 1);
    expect((asked.webhook?.next_delivery_at ?? 0) - (asked.webhook?.deliveries[0]?.created_at ?? 0)).toBeCloseTo(
      3000,
      -1,
    );
  });

  it('a receiver that does not answer in time, or not at all, costs nothing but its delivery', async () => {
    receiver.on('/slow', hang);
    const slow = await submit(stand.on('/x', json({})), '/slow');
    const job = await caller.until(slow.id, ({ webhook }) => webhook?.deliveries.length === 1);
    expect([job.status, deliveriesOf(job)]).toEqual(['completed', ['timeout']]);
    const nobody = await caller.submit('/x', { webhook: 'http://127.0.0.1:9/' });
    const refused = await caller.until(nobody.id, ({ webhook }) => webhook?.deliveries.length === 1);
    expect(deliveriesOf(refused)).toEqual(['connection']);
  });

  it('a job that is run again is told of again, under another id', async () => {
    stand.on('/twice', failing(400), json({}));
    const job = await submit('/twice', '/twice');
    await told(job.id, 'delivered');
    await caller.post(`/api/jobs/${job.id}/retry`);
    const [first, second] = await receiver.events('/twice', 2);
    expect([first?.type, second?.type]).toEqual(['job.failed', 'job.completed']);
    expect(second?.id).not.toBe(first?.id);
  });

  it('a native call brings its webhook in a header, which goes no further', async () => {
    const path = stand.on('/native/v1/chat/completions', json(completion('x')));
    const headers = { prefer: 'respond-async', 'x-gateway-webhook': receiver.url('/native') };
    const response = await caller.post(`/gateway/local${path}`, { messages: [] }, headers);
    const { id } = await jobIn(response);
    expect((await receiver.events('/native', 1))[0]).toMatchObject({ type: 'job.completed', data: { id } });
    expect(stand.received(path)[0]?.headers).not.toHaveProperty('x-gateway-webhook');
    const bad = await caller.post(`/gateway/local${path}`, {}, { ...headers, 'x-gateway-webhook': 'ftp://x.example' });
    expect([bad.status, (await errorIn(bad)).param]).toEqual([400, 'X-Gateway-Webhook']);
  });

  it('where it leads is shown to nobody, and stands in no log and no store in clear', async () => {
    const hook = '/hooks/marked-4711?token=marked-4712';
    const job = await submit(stand.on('/x', json({})), hook);
    await receiver.events(hook, 1);
    const shown = JSON.stringify([await told(job.id, 'delivered'), await (await caller.get('/api/jobs')).json()]);
    const stored = [...(await stand.gateway.stored()).values()].map((value) => value.toString('latin1'));
    for (const text of [shown, stand.gateway.lines.join('\n'), ...stored]) expect(text).not.toMatch(/marked-471[12]/);
  });
});

describe.each(compositions)('a webhook outlives the gateway: $name', ({ start }) => {
  it('is called by the next one, where its receiver was away', async () => {
    const receiver = await startReceiver();
    receiver.on('/back', status(503, { 'retry-after': '2' }), status(200));
    const stand = await startStand(start, { env: WEBHOOK_ENV });
    const caller = stand.caller('sk-outlives');
    const job = await caller.submit(stand.on('/x', json({})), { webhook: receiver.url('/back') });
    await caller.until(job.id, ({ webhook }) => webhook?.deliveries.length === 1);
    const { data } = stand.gateway;
    await stand.stop({ keepData: true });
    const next = await start({ env: WEBHOOK_ENV, data });
    try {
      const [first, second] = await receiver.events('/back', 2);
      expect(second).toEqual(first);
    } finally {
      await next.stop();
      await receiver.stop();
    }
  });
});

describe.each(compositions)('webhooks that are not allowed: $name', ({ start }) => {
  it.each([
    ['without a secret', {}, 'https://hooks.example/x', /WEBHOOK_SECRET/],
    ['http', { WEBHOOK_SECRET: WEBHOOK_ENV.WEBHOOK_SECRET }, 'http://hooks.example/x', /https/],
    ['to this machine', { WEBHOOK_SECRET: WEBHOOK_ENV.WEBHOOK_SECRET }, 'https://127.0.0.1/x', /public host/],
  ])('%s: refused before anything is stored', async (_why, env, webhook, message) => {
    const stand = await startStand(start, { env });
    const caller = stand.caller('sk-not-allowed');
    const response = await caller.post('/api/jobs', { service: 'demo', path: '/v1/models', webhook });
    expect(response.status).toBe(400);
    expect(await errorIn(response)).toMatchObject({ param: 'webhook', message: expect.stringMatching(message) });
    expect(await (await caller.get('/api/jobs')).json()).toMatchObject({ data: [] });
    await stand.stop();
  });
});
