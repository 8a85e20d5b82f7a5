import { describe, expect, it } from 'vitest';
import type { Snapshot } from '../../lib/store/redis-fields.ts';
import { HeldJobs } from '../../lib/store/redis-held.ts';
import { AT, completed, running } from '../jobs/jobs.ts';

const snapshot = (id: string, leaseUntil: number): Snapshot => ({ job: { ...running, id, leaseUntil }, state: '{}' });

describe('what a process remembers of the jobs that it runs', () => {
  it('goes when they are settled', () => {
    const held = new HeldJobs();
    held.claimed('a', snapshot('a', AT + 5_000), AT);
    held.settled('a');
    expect(held.get('a')).toBeUndefined();
    held.changed('a', snapshot('a', AT + 9_000));
    expect(held.size).toBe(0);
  });

  it('goes with the lease where an attempt ends without a word', () => {
    const held = new HeldJobs();
    for (let claim = 0; claim < 1_000; claim++) {
      const now = AT + claim * 100;
      held.claimed(`job ${claim}`, snapshot(`job ${claim}`, now + 5_000), now);
      expect(held.size).toBeLessThanOrEqual(50);
    }
  });

  it('stays as long as the lease is prolonged', () => {
    const held = new HeldJobs();
    held.claimed('long', snapshot('long', AT + 5_000), AT);
    held.changed('long', snapshot('long', AT + 10_000));
    held.claimed('other', snapshot('other', AT + 12_000), AT + 9_999);
    expect(held.get('long')?.job).toMatchObject({ leaseUntil: AT + 10_000 });
    held.claimed('third', snapshot('third', AT + 15_000), AT + 10_000);
    expect(held.get('long')).toBeUndefined();
    expect(held.size).toBe(2);
  });

  it('is nothing of a job that does not run', () => {
    const held = new HeldJobs();
    held.claimed('a', snapshot('a', AT + 5_000), AT);
    held.changed('a', { job: completed, state: '{}' });
    held.claimed('b', snapshot('b', AT + 5_000), AT);
    expect(held.size).toBe(1);
  });
});
