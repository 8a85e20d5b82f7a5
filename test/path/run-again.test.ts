import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failing, held, json } from '../harness/answers.ts';
import { type Caller, errorIn, jobIn, objectIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { movableClock, type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('running an ended job again: $name', ({ start }) => {
  const clock = movableClock();
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { clock });
    caller = stand.caller('sk-again-caller');
  });
  afterAll(() => stand.stop());

  const retry = (id: string, headers = {}) => caller.post(`/api/jobs/${id}/retry`, {}, headers);

  it('a failed one: as it was made, with the credential that asks for it', async () => {
    const path = stand.on('/failed', failing(400), json({ now: 'fine' }));
    const { id } = await caller.submit(`${path}?q=1`, { body: { n: 1 }, headers: { 'x-mine': 'kept' } });
    await caller.ended(id);
    // The same owner by another header: what is sent upstream shows which credential pays.
    const response = await stand.caller().post(`/api/jobs/${id}/retry`, {}, { 'x-api-key': 'sk-again-caller' });
    expect(response.status).toBe(202);
    expect(await jobIn(response)).toMatchObject({ id, status: 'queued', error: null, completed_at: null });
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 2, error: null });
    const [first, second] = stand.received(path);
    expect(first?.headers).toMatchObject({ authorization: 'Bearer sk-again-caller', 'x-mine': 'kept' });
    expect(second?.headers).toMatchObject({ 'x-api-key': 'sk-again-caller', 'x-mine': 'kept' });
    expect(second?.headers).not.toHaveProperty('authorization');
    expect(second?.url).toBe(first?.url);
    expect(second?.body.toString()).toBe('{"n":1}');
    expect(await objectIn(await caller.get(`/api/jobs/${id}/result`))).toEqual({ now: 'fine' });
  });

  it('a failed one that had many attempts: it has all of them again', async () => {
    const again = failing(500, { 'retry-after-ms': '1' });
    const { id } = await caller.submit(stand.on('/attempts', again), { retries: 1 });
    expect(await caller.ended(id)).toMatchObject({ status: 'failed', attempts: 2 });
    expect((await retry(id)).status).toBe(202);
    expect(await caller.ended(id)).toMatchObject({ status: 'failed', attempts: 4 });
  });

  it('a cancelled one, with a body of several chunks', async () => {
    const body = 'x'.repeat(600_000);
    const { id } = await caller.submit(stand.on('/cancelled', json({})), { body, delay_s: 600 });
    await caller.post(`/api/jobs/${id}/cancel`);
    expect((await retry(id)).status).toBe(202);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', cancel_requested_at: null });
    expect(stand.received('/cancelled')[0]?.body.toString()).toBe(body);
  });

  it('an expired one', async () => {
    const { id } = await caller.submit(stand.on('/expired', json({})), { delay_s: 1000, ttl_s: 100 });
    clock.advance(1_101_000);
    expect(await caller.ended(id)).toMatchObject({ status: 'expired', attempts: 0 });
    expect((await retry(id)).status).toBe(202);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 1 });
  });

  it('one that was cancelled for its time does not end at once again', async () => {
    const { id } = await caller.submit(stand.on('/timed', json({})), { delay_s: 1000, cancel_after_s: 10 });
    clock.advance(11_000);
    expect(await caller.ended(id)).toMatchObject({ status: 'cancelled' });
    await retry(id);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed' });
  });

  it('but none that is queued, running or completed: 409', async () => {
    const answer = held({});
    const queued = await caller.submit('/nothing', { delay_s: 600 });
    const running = await caller.submit(stand.on('/busy', answer.handler));
    await answer.come;
    for (const { id } of [queued, running]) {
      const response = await retry(id);
      expect(response.status).toBe(409);
      expect((await errorIn(response)).code).toBe('job_not_retryable');
    }
    answer.go();
    const completed = await caller.ended(running.id);
    expect((await retry(running.id)).status).toBe(409);
    expect(await caller.job(running.id)).toEqual(completed);
    await caller.post(`/api/jobs/${queued.id}/cancel`);
  });
});
