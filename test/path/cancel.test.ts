import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failing, held, json, pushed } from '../harness/answers.ts';
import { type Caller, errorIn, jobIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('cancelling: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start);
    caller = stand.caller('sk-cancelling-caller');
  });
  afterAll(() => stand.stop());

  const cancel = async (id: string) => {
    const response = await caller.post(`/api/jobs/${id}/cancel`);
    expect(response.status).toBe(200);
    return jobIn(response);
  };

  it('a queued job ends at once and is never run', async () => {
    const { id } = await caller.submit(stand.on('/queued', json({})), { delay_s: 1 });
    const job = await cancel(id);
    expect(job).toMatchObject({ id, status: 'cancelled', attempts: 0, next_attempt_at: null });
    expect(job.cancel_requested_at).not.toBeNull();
    expect(job.completed_at).not.toBeNull();
    const after = await caller.submit(stand.on('/queued-after', json({})), { delay_s: 1 });
    await caller.ended(after.id);
    expect(stand.received('/queued')).toHaveLength(0);
  });

  it('a running job is marked, its upstream call aborted, and it ends as cancelled', async () => {
    const answer = held({});
    const { id } = await caller.submit(stand.on('/running', answer.handler));
    await answer.come;
    const job = await cancel(id);
    expect(job.status).toBe('in_progress');
    expect(job.cancel_requested_at).not.toBeNull();
    await answer.closed;
    const ended = await caller.ended(id);
    expect(ended).toMatchObject({ status: 'cancelled', attempts: 1, response: null, error: null });
    expect(ended.cancel_requested_at).toBe(job.cancel_requested_at);
    answer.go();
    expect(stand.received('/running')).toHaveLength(1);
  });

  it('a stream in its middle is aborted as well', async () => {
    const answer = pushed();
    const { id } = await caller.submit(stand.on('/streaming', answer.handler), { body: { stream: true } });
    await answer.come;
    answer.push('data: 1\n\n');
    await cancel(id);
    expect(await caller.ended(id)).toMatchObject({ status: 'cancelled' });
    expect((await caller.get(`/api/jobs/${id}/result`)).status).toBe(410);
  });

  it('wins over a failure that comes meanwhile', async () => {
    const answer = held({});
    stand.on('/failing', async (request, response, message) => {
      await answer.handler(request, response, message);
    });
    const { id } = await caller.submit('/failing', { retries: 3 });
    await answer.come;
    await cancel(id);
    stand.on('/failing', failing(500));
    await answer.closed;
    expect(await caller.ended(id)).toMatchObject({ status: 'cancelled', attempts: 1 });
    answer.go();
  });

  it('again and again changes nothing: queued, running, ended', async () => {
    const answer = held({});
    const running = await caller.submit(stand.on('/twice', answer.handler));
    await answer.come;
    const first = await cancel(running.id);
    expect(await cancel(running.id)).toMatchObject({ cancel_requested_at: first.cancel_requested_at });
    const ended = await caller.ended(running.id);
    expect(await cancel(running.id)).toEqual(ended);
    answer.go();

    const completed = await caller.submit(stand.on('/completed', json({})));
    const before = await caller.ended(completed.id);
    expect(await cancel(completed.id)).toEqual(before);
    expect((await caller.get(`/api/jobs/${completed.id}/result`)).status).toBe(200);

    const failed = await caller.submit(stand.on('/failed', failing(400)));
    const failure = await caller.ended(failed.id);
    expect(await cancel(failed.id)).toEqual(failure);
  });

  it('is asked for by POST alone', async () => {
    const { id } = await caller.submit(stand.on('/by-get', json({})));
    const response = await caller.get(`/api/jobs/${id}/cancel`);
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
    expect((await errorIn(response)).code).toBe('method_not_allowed');
    await caller.ended(id);
  });
});
