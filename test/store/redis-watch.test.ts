import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Job } from '../../lib/jobs/job.ts';
import { RedisWatch } from '../../lib/store/redis-watch.ts';
import { queued } from '../jobs/jobs.ts';

describe('waiting for a job’s next version by looking', () => {
  let job: Job | null;
  let looks: number[];
  let watch: RedisWatch;
  let startedAt: number;
  beforeEach(() => {
    vi.useFakeTimers();
    job = queued;
    looks = [];
    startedAt = Date.now();
    watch = new RedisWatch(async (_id, version) => {
      looks.push(Date.now() - startedAt);
      return job?.version === version ? 'same' : job;
    });
  });
  afterEach(() => {
    watch.close();
    vi.useRealTimers();
  });
  const wait = (version = queued.version, ms = 10_000, signal?: AbortSignal) => watch.wait('a', version, ms, signal);
  const change = () => {
    job = job === null ? null : { ...job, version: job.version + 1 };
  };

  it('looks soon, then more and more seldom', async () => {
    const waiting = wait();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(looks).toEqual([150, 375, 712, 1218, 1977, 2777, 3577].map((at) => expect.closeTo(at, -1)));
    change();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await waiting).toMatchObject({ version: 2 });
  });

  it('behind a change not before the next is worth a look', async () => {
    const first = wait();
    change();
    await vi.advanceTimersByTimeAsync(150);
    expect(await first).toMatchObject({ version: 2 });
    const second = wait(2);
    change();
    await vi.advanceTimersByTimeAsync(424);
    expect(looks).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await second).toMatchObject({ version: 3 });
  });

  it('shares its looks among all who wait for the job, and tells each what is news to it', async () => {
    const waiting = [wait(1), wait(1), wait(0)];
    change();
    await vi.advanceTimersByTimeAsync(150);
    expect(await Promise.all(waiting)).toEqual(Array(3).fill(job));
    expect(looks).toHaveLength(1);
  });

  it('comes to a look also for those who wait again and again for a moment', async () => {
    let seen: Job | 'same' | null = 'same';
    const again = async () => {
      while (seen === 'same') seen = await wait(1, 50);
    };
    const waiting = again();
    change();
    await vi.advanceTimersByTimeAsync(200);
    await waiting;
    expect(seen).toMatchObject({ version: 2 });
    expect(looks).toHaveLength(1);
  });

  it('ends with the time, on abort, and when the job goes; then nobody looks any more', async () => {
    const timed = wait(1, 100);
    await vi.advanceTimersByTimeAsync(100);
    expect(await timed).toBe('same');
    const leaving = new AbortController();
    const left = wait(1, 10_000, leaving.signal);
    leaving.abort();
    expect(await left).toBe('same');
    expect(await wait(1, 10_000, leaving.signal)).toBe('same');
    const waiting = wait();
    job = null;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await waiting).toBeNull();
    const before = looks.length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect([looks.length, vi.getTimerCount()]).toEqual([before, 0]);
  });

  it('a look that fails is told to all who wait', async () => {
    watch = new RedisWatch(() => Promise.reject(new Error('away')));
    const waiting = Promise.allSettled([wait(), wait()]);
    await vi.advanceTimersByTimeAsync(150);
    expect(await waiting).toMatchObject(Array(2).fill({ status: 'rejected', reason: { message: 'away' } }));
  });
});
