import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hang, held, json } from '../harness/answers.ts';
import { type Caller, errorIn, jobIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('POST /api/jobs: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start);
    caller = stand.caller('sk-option-caller');
  });
  afterAll(() => stand.stop());

  it('sends an object as JSON', async () => {
    const job = await caller.submit(stand.on('/json', json({})), { body: { model: 'm-2', n: 1 } });
    expect(job.model).toBe('m-2');
    await caller.ended(job.id);
    const [received] = stand.received('/json');
    expect(received?.headers['content-type']).toBe('application/json');
    expect(received?.headers.authorization).toBe('Bearer sk-option-caller');
    expect(JSON.parse(received?.body.toString() ?? '')).toEqual({ model: 'm-2', n: 1 });
  });

  it('sends a string as it is', async () => {
    const job = await caller.submit(stand.on('/text', json({})), { body: 'plain “text”' });
    await caller.ended(job.id);
    const [received] = stand.received('/text');
    expect(received?.headers['content-type']).toMatch(/^text\/plain/);
    expect(received?.body.toString()).toBe('plain “text”');
  });

  it('sends base64 as the bytes that it stands for, under the type that is given', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const job = await caller.submit(stand.on('/bytes', json({})), {
      body: undefined,
      body_base64: Buffer.from(bytes).toString('base64'),
      headers: { 'Content-Type': 'audio/wav', 'x-mine': 'yes' },
    });
    await caller.ended(job.id);
    const [received] = stand.received('/bytes');
    expect(received?.headers).toMatchObject({ 'content-type': 'audio/wav', 'x-mine': 'yes' });
    expect(received?.body.equals(bytes)).toBe(true);
  });

  it('takes another method, and no body', async () => {
    const job = await caller.submit(stand.on('/read', json({})), { method: 'GET', body: undefined });
    await caller.ended(job.id);
    expect(stand.received('/read')).toMatchObject([{ method: 'GET' }]);
    expect(stand.received('/read')[0]?.body.length).toBe(0);
  });

  it('keeps metadata with the job', async () => {
    const metadata = { order: 7, tags: ['a', 'b'], nested: { deep: true } };
    const job = await caller.submit(stand.on('/meta', json({})), { metadata });
    expect(job.metadata).toEqual(metadata);
    expect((await caller.ended(job.id)).metadata).toEqual(metadata);
  });

  it('delay_s and not_before: queued until then, and cancellable', async () => {
    stand.on('/later', json({}));
    const delayed = await caller.submit('/later', { delay_s: 600 });
    expect(delayed).toMatchObject({ status: 'queued', next_attempt_at: delayed.created_at + 600 });
    const at = delayed.created_at + 1200;
    const dated = await caller.submit('/later', { not_before: at });
    expect(dated).toMatchObject({ status: 'queued', next_attempt_at: at, expires_at: at + 86_400 });
    const response = await caller.get(`/api/jobs/${dated.id}`);
    expect(response.headers.get('retry-after')).toBe('60');
    for (const { id } of [delayed, dated]) await caller.post(`/api/jobs/${id}/cancel`);
    const past = await caller.submit('/later', { not_before: 1 });
    expect(past.next_attempt_at).toBeNull();
    expect(await caller.ended(past.id)).toMatchObject({ status: 'completed' });
    expect(stand.received('/later')).toHaveLength(1);
  });

  it('delay_s: runs once the time has come', async () => {
    const job = await caller.submit(stand.on('/second', json({})), { delay_s: 1 });
    expect(stand.received('/second')).toHaveLength(0);
    expect(await caller.ended(job.id)).toMatchObject({ status: 'completed', attempts: 1 });
  });

  it('retries: 0 leaves it at one call', async () => {
    const job = await caller.submit(stand.on('/once', json({}, 503)), { retries: 0 });
    expect(await caller.ended(job.id)).toMatchObject({ status: 'failed', attempts: 1 });
    expect(stand.received('/once')).toHaveLength(1);
  });

  it('timeout_s: fails when it is over, without a second call', async () => {
    const job = await caller.submit(stand.on('/slow', hang), { timeout_s: 1 });
    expect(await caller.ended(job.id)).toMatchObject({ status: 'failed', attempts: 1, error: { type: 'TIMEOUT' } });
    expect(stand.received('/slow')).toHaveLength(1);
  });

  it('cancel_after_s: ends a running job as cancelled, and the upstream call with it', async () => {
    const answer = held({});
    const job = await caller.submit(stand.on('/too-long', answer.handler), { cancel_after_s: 1 });
    await answer.closed;
    expect(await caller.ended(job.id)).toMatchObject({ status: 'cancelled' });
    answer.go();
  });

  it('ttl_s: expires_at counts from the end', async () => {
    const job = await caller.submit(stand.on('/ttl', json({})), { ttl_s: 100 });
    expect(job.expires_at).toBe(job.created_at + 100);
    const ended = await caller.ended(job.id);
    expect(ended.expires_at - (ended.completed_at ?? 0)).toBeGreaterThanOrEqual(99);
    expect(ended.expires_at - (ended.completed_at ?? 0)).toBeLessThanOrEqual(101);
  });

  it('Prefer: wait holds the answer until the end: 200 with the ended job', async () => {
    stand.on('/waited', json({}));
    const response = await caller.post('/api/jobs', { service: 'local', path: '/waited' }, { prefer: 'wait=30' });
    expect(response.status).toBe(200);
    expect(response.headers.get('preference-applied')).toBe('wait=30');
    expect(response.headers.has('retry-after')).toBe(false);
    expect(await jobIn(response)).toMatchObject({ status: 'completed' });
  });

  it.each([
    ['service', { service: 'nobody' }],
    ['path', { path: 'no-slash' }],
    ['retries', { retries: -1 }],
    ['surplus', { surplus: 1 }],
  ])('a bad %s is refused by its name, and nothing is run', async (param, bad) => {
    const response = await caller.post('/api/jobs', { service: 'local', path: '/never', ...bad });
    expect(response.status).toBe(400);
    expect(await errorIn(response)).toMatchObject({ code: 'invalid_request', type: 'INVALID_REQUEST', param });
    expect(stand.received('/never')).toHaveLength(0);
  });

  it.each(['', '[]', '"text"', '{"service":', 'null'])('a body that is no JSON object is refused: %j', async (body) => {
    const response = await caller.send('POST', '/api/jobs', { headers: { 'content-type': 'application/json' }, body });
    expect(response.status).toBe(400);
    expect((await errorIn(response)).code).toBe('invalid_json');
  });
});
