import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failing, json } from '../harness/answers.ts';
import { type Caller, jobIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { movableClock, type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('next_attempt_at: $name', ({ start }) => {
  const clock = movableClock();
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { clock });
    caller = stand.caller('sk-next-caller');
  });
  afterAll(() => stand.stop());

  const retry = async (id: string) => {
    const response = await caller.post(`/api/jobs/${id}/retry`);
    expect(response.status).toBe(202);
    return jobIn(response);
  };

  it('is nothing for a job that is run again: it is due now, whatever delay it was made with', async () => {
    const { id, next_attempt_at } = await caller.submit(stand.on('/delayed', json({})), { delay_s: 600 });
    expect(next_attempt_at).toBeGreaterThan(clock.now() / 1000 + 500);
    await caller.post(`/api/jobs/${id}/cancel`);
    expect((await caller.job(id)).next_attempt_at).toBeNull();
    expect((await retry(id)).next_attempt_at).toBeNull();
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', next_attempt_at: null });
  });

  it('is nothing for a job that was cancelled in a pause between attempts, and its next pause after that', async () => {
    const path = stand.on(
      '/pauses',
      failing(503, { 'retry-after': '300' }),
      failing(503, { 'retry-after': '900' }),
      json({}),
    );
    const { id } = await caller.submit(path);
    const paused = await caller.until(id, (job) => job.next_attempt_at !== null);
    expect(paused).toMatchObject({ status: 'queued', attempts: 1 });
    await caller.post(`/api/jobs/${id}/cancel`);
    expect(await retry(id)).toMatchObject({ status: 'queued', next_attempt_at: null });
    const again = await caller.until(id, (job) => job.next_attempt_at !== null);
    expect(again).toMatchObject({ status: 'queued', attempts: 2 });
    expect(again.next_attempt_at).toBeGreaterThan((paused.next_attempt_at ?? 0) + 500);
    clock.advance(900_000);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 3, next_attempt_at: null });
  });
});
