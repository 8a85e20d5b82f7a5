import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failing, held, json } from '../harness/answers.ts';
import { type Caller, errorIn, listIn, objectIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('deleting: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start);
    caller = stand.caller('sk-deleting-caller');
  });
  afterAll(() => stand.stop());

  const remove = (id: string) => caller.send('DELETE', `/api/jobs/${id}`);

  it('an ended job leaves nothing', async () => {
    const kept = await caller.submit(stand.on('/kept', json({})));
    const completed = await caller.submit(stand.on('/completed', json({})));
    const failed = await caller.submit(stand.on('/failed', failing(400)));
    const cancelled = await caller.submit('/never', { delay_s: 600 });
    await caller.post(`/api/jobs/${cancelled.id}/cancel`);
    await caller.ended(kept.id);
    for (const { id } of [completed, failed, cancelled]) {
      await caller.ended(id);
      const response = await remove(id);
      expect(response.status).toBe(200);
      expect(await objectIn(response)).toEqual({ id, object: 'job.deleted', deleted: true });
      for (const path of ['', '/result', '/stream']) {
        const gone = await caller.get(`/api/jobs/${id}${path}`);
        expect(gone.status).toBe(404);
        expect((await errorIn(gone)).code).toBe('job_not_found');
      }
      for (const verb of ['cancel', 'retry']) expect((await caller.post(`/api/jobs/${id}/${verb}`)).status).toBe(404);
      expect((await remove(id)).status).toBe(404);
    }
    expect((await listIn(await caller.get('/api/jobs'))).data.map((job) => job.id)).toEqual([kept.id]);
  });

  it('a job that has not ended is refused, and goes on', async () => {
    const answer = held({});
    const running = await caller.submit(stand.on('/running', answer.handler));
    const queued = await caller.submit('/never', { delay_s: 600 });
    await answer.come;
    for (const { id } of [running, queued]) {
      const response = await remove(id);
      expect(response.status).toBe(409);
      expect((await errorIn(response)).code).toBe('job_not_finished');
    }
    answer.go();
    expect(await caller.ended(running.id)).toMatchObject({ status: 'completed' });
    expect(await caller.job(queued.id)).toMatchObject({ status: 'queued' });
  });

  it('an idempotency key is free again', async () => {
    const path = stand.on('/key', json({}));
    const first = await caller.submit(path, {}, { 'idempotency-key': 'k' });
    await caller.ended(first.id);
    await remove(first.id);
    const second = await caller.submit(path, {}, { 'idempotency-key': 'k' });
    expect(second.id).not.toBe(first.id);
    await caller.ended(second.id);
    expect(stand.received(path)).toHaveLength(2);
  });
});
