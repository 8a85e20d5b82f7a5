import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failing, json } from '../harness/answers.ts';
import type { Caller } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { movableClock, type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('attempts of a job: $name', ({ start }) => {
  const clock = movableClock();
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { clock });
    caller = stand.caller('sk-retry-caller');
  });
  afterAll(() => stand.stop());

  const waiting = (id: string) => caller.until(id, (job) => job.status === 'queued' && job.attempts > 0);

  it.each([408, 429, 500, 502, 503, 504, 529])(
    '%i is followed by another, then the answer is given',
    async (status) => {
      const path = stand.on(`/again-${status}`, failing(status, { 'retry-after-ms': '5' }), json({ at: 'last' }));
      const { id } = await caller.submit(path);
      expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 2, error: null });
      const [first, second] = stand.received(path);
      expect(second?.body.equals(first?.body ?? Buffer.alloc(0))).toBe(true);
      expect(second?.headers.authorization).toBe('Bearer sk-retry-caller');
    },
  );

  it('may be many more than the queue makes deliveries of one message', async () => {
    const failures = Array.from({ length: 8 }, () => failing(503, { 'retry-after': '0' }));
    const path = stand.on('/many', ...failures, json({ at: 'last' }));
    const { id } = await caller.submit(path, { retries: 8 });
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 9 });
    expect(stand.received(path)).toHaveLength(9);
  });

  it('between them the job is queued, with the time of the next one', async () => {
    const { id } = await caller.submit(stand.on('/patience', failing(503, { 'retry-after': '100' }), json({})));
    const job = await waiting(id);
    expect(job).toMatchObject({ status: 'queued', attempts: 1, error: null, completed_at: null });
    const wait = (job.next_attempt_at ?? 0) - clock.now() / 1000;
    expect(wait).toBeGreaterThan(90);
    expect(wait).toBeLessThanOrEqual(100);
    const poll = await caller.get(`/api/jobs/${id}`);
    expect(Number(poll.headers.get('retry-after'))).toBeGreaterThan(1);
    expect(stand.received('/patience')).toHaveLength(1);
    clock.advance(101_000);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 2, next_attempt_at: null });
  });

  it('a date in Retry-After is kept to', async () => {
    const at = Math.ceil(clock.now() / 1000) + 200;
    const date = new Date(at * 1000).toUTCString();
    const { id } = await caller.submit(stand.on('/dated', failing(429, { 'retry-after': date }), json({})));
    expect((await waiting(id)).next_attempt_at).toBe(at);
    clock.advance(201_000);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 2 });
  });

  it('without Retry-After the pauses grow', async () => {
    const { id } = await caller.submit(stand.on('/backoff', failing(500)), { retries: 3 });
    const pauses: number[] = [];
    for (let attempt = 1; attempt <= 3; attempt++) {
      const job = await caller.until(id, (now) => now.status === 'queued' && now.attempts === attempt);
      pauses.push((job.next_attempt_at ?? 0) - clock.now() / 1000);
      clock.advance(20_000);
    }
    expect(await caller.ended(id)).toMatchObject({ status: 'failed', attempts: 4 });
    expect(stand.received('/backoff')).toHaveLength(4);
    // Between half and the whole of 2, 4 and 8 seconds, told in whole seconds.
    expect(pauses[0]).toBeLessThanOrEqual(2);
    expect(pauses[2]).toBeGreaterThan(2);
    expect(pauses[2]).toBeLessThanOrEqual(8);
  });

  it('a provider that asks for an absurd pause is not obeyed, and the job stays readable', async () => {
    const { id } = await caller.submit(
      stand.on('/absurd', failing(429, { 'retry-after': '9'.repeat(300) }), json({})),
      {
        ttl_s: 200_000,
      },
    );
    const job = await waiting(id);
    expect((job.next_attempt_at ?? 0) - clock.now() / 1000).toBeLessThanOrEqual(86_400);
    await caller.post(`/api/jobs/${id}/cancel`);
    expect(await caller.ended(id)).toMatchObject({ status: 'cancelled' });
  });

  it('a job that waits for its next attempt can be cancelled', async () => {
    const { id } = await caller.submit(stand.on('/no-more', failing(503, { 'retry-after': '100' })));
    await waiting(id);
    await caller.post(`/api/jobs/${id}/cancel`);
    clock.advance(101_000);
    expect(await caller.job(id)).toMatchObject({ status: 'cancelled', attempts: 1 });
    expect(stand.received('/no-more')).toHaveLength(1);
  });
});
