import { describe, expect, it } from 'vitest';
import type { Renewed } from '../../lib/store/store.ts';
import { LeaseKeeper } from '../../lib/worker/lease.ts';
import { running } from '../jobs/jobs.ts';
import { log } from './record.ts';

/** A keeper whose store answers renewals in turn, the last answer for good; resolves once its signal is aborted. */
async function stoppedBy(answers: (Renewed | Error)[], shutdown = new AbortController().signal) {
  let renewals = 0;
  const store = {
    async renew(): Promise<Renewed> {
      const answer = answers[Math.min(renewals++, answers.length - 1)];
      if (answer === undefined || answer instanceof Error) throw answer ?? new Error('no answer');
      return answer;
    },
  };
  const keeper = new LeaseKeeper({ store, log, leaseMs: 15, shutdown }, running);
  const { signal } = keeper;
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
  keeper.stop();
  return { reason: signal.reason, renewals };
}

const kept: Renewed = { kind: 'renewed', cancelRequested: false };

describe('an attempt is stopped', () => {
  it('when its caller has cancelled it', async () => {
    const { reason, renewals } = await stoppedBy([kept, kept, { kind: 'renewed', cancelRequested: true }]);
    expect(reason).toMatchObject({ why: 'cancelled' });
    expect(renewals).toBe(3);
  });

  it('when another has taken it over', async () => {
    expect((await stoppedBy([kept, { kind: 'fenced' }])).reason).toMatchObject({ why: 'fenced' });
  });

  it('not by a renewal that fails', async () => {
    const { reason, renewals } = await stoppedBy([new Error('store'), kept, { kind: 'fenced' }]);
    expect(reason).toMatchObject({ why: 'fenced' });
    expect(renewals).toBe(3);
  });

  it('when the process goes away, or is going already', async () => {
    const shutdown = new AbortController();
    const stopped = stoppedBy([kept], shutdown.signal);
    shutdown.abort();
    expect((await stopped).reason).toMatchObject({ why: 'shutdown' });
    expect((await stoppedBy([kept], shutdown.signal)).reason).toMatchObject({ why: 'shutdown' });
  });
});
