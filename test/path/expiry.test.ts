import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failing, held, json } from '../harness/answers.ts';
import { type Caller, errorIn, listIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { movableClock, type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('how long a job is kept: $name', ({ start }) => {
  const clock = movableClock();
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { clock, env: { JOB_TTL: '3600' } });
    caller = stand.caller('sk-expiry-caller');
  });
  afterAll(() => stand.stop());

  const statusOf = async (id: string, path = '') => (await caller.get(`/api/jobs/${id}${path}`)).status;

  it('until expires_at its result is there, after it there is nothing', async () => {
    const { id } = await caller.submit(stand.on('/kept', json({})));
    const job = await caller.ended(id);
    expect(job.expires_at - (job.completed_at ?? 0)).toBe(3600);
    clock.advance(3_590_000);
    expect(await statusOf(id, '/result')).toBe(200);
    clock.advance(11_000);
    for (const path of ['', '/result', '/stream']) {
      const response = await caller.get(`/api/jobs/${id}${path}`);
      expect(response.status).toBe(404);
      expect((await errorIn(response)).code).toBe('job_not_found');
    }
    expect((await listIn(await caller.get('/api/jobs'))).data).toEqual([]);
    for (const verb of ['cancel', 'retry']) expect((await caller.post(`/api/jobs/${id}/${verb}`)).status).toBe(404);
    expect((await caller.send('DELETE', `/api/jobs/${id}`)).status).toBe(404);
  });

  it('ttl_s is the job own time', async () => {
    stand.on('/own', json({}));
    const short = await caller.submit('/own', { ttl_s: 60 });
    const long = await caller.submit('/own', { ttl_s: 604_800 });
    await caller.ended(short.id);
    await caller.ended(long.id);
    clock.advance(61_000);
    expect(await statusOf(short.id)).toBe(404);
    clock.advance(6 * 86_400_000);
    expect(await statusOf(long.id, '/result')).toBe(200);
    clock.advance(86_400_000);
    expect(await statusOf(long.id)).toBe(404);
  });

  it('a job that was not run in its time expires: said for as long again, then gone', async () => {
    const { id } = await caller.submit(stand.on('/late', json({})), { delay_s: 100, ttl_s: 100 });
    clock.advance(201_000);
    const job = await caller.ended(id);
    expect(job).toMatchObject({ status: 'expired', attempts: 0, error: null });
    const result = await caller.get(`/api/jobs/${id}/result`);
    expect(result.status).toBe(410);
    expect((await errorIn(result)).code).toBe('job_expired');
    expect(stand.received('/late')).toHaveLength(0);
    clock.advance(101_000);
    expect(await statusOf(id)).toBe(404);
  });

  it('a job that runs does not expire under its worker', async () => {
    const answer = held({ said: 'it' });
    const { id } = await caller.submit(stand.on('/running', answer.handler), { ttl_s: 100 });
    await answer.come;
    clock.advance(4_000);
    await caller.until(id, (job) => job.status === 'in_progress');
    answer.go();
    const job = await caller.ended(id);
    expect(job).toMatchObject({ status: 'completed', attempts: 1 });
    expect(job.expires_at - (job.completed_at ?? 0)).toBe(100);
  });

  it('cancel_after_s counts while the job waits', async () => {
    const { id } = await caller.submit('/never', { delay_s: 1000, cancel_after_s: 100 });
    clock.advance(99_000);
    expect(await caller.job(id)).toMatchObject({ status: 'queued' });
    clock.advance(2_000);
    expect(await caller.job(id)).toMatchObject({ status: 'cancelled', attempts: 0 });
  });

  it('cancel_after_s counts between attempts', async () => {
    const path = stand.on('/between', failing(503, { 'retry-after': '500' }));
    const { id } = await caller.submit(path, { cancel_after_s: 100 });
    await caller.until(id, (job) => job.attempts === 1 && job.status === 'queued');
    clock.advance(101_000);
    expect(await caller.job(id)).toMatchObject({ status: 'cancelled', attempts: 1 });
  });

  it('an idempotency key is kept as long as its job', async () => {
    const path = stand.on('/key', json({}));
    const call = () => caller.post(`/gateway/local${path}`, {}, { 'idempotency-key': 'k' });
    const first = await call();
    clock.advance(3_500_000);
    expect((await call()).headers.get('x-job-id')).toBe(first.headers.get('x-job-id'));
    clock.advance(101_000);
    const later = await call();
    expect(later.status).toBe(200);
    expect(later.headers.has('idempotent-replayed')).toBe(false);
    expect(stand.received(path)).toHaveLength(2);
  });
});
