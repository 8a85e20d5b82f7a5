import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { held, json } from '../harness/answers.ts';
import type { Caller } from '../harness/client.ts';
import { startGateway } from '../harness/gateway.ts';
import { movableClock, type Stand, startStand } from '../harness/stand.ts';

describe('a process that has stood still for longer than its lease and its hold', () => {
  const clock = movableClock();
  let stand: Stand;
  let caller: Caller;
  beforeEach(async () => {
    stand = await startStand(startGateway, { clock });
    caller = stand.caller('sk-stalled');
  });
  afterEach(() => stand.stop());

  // A minute: then the job counts as one whose message is lost, and each poll sends it again.
  it.each([6_000, 61_000])(
    '%i ms: makes no second attempt beside the one that runs, and keeps its result',
    async (ms) => {
      const answer = held({ first: true });
      const { id } = await caller.submit(stand.on('/slow', answer.handler, json({ second: true })));
      await answer.come;
      clock.advance(ms);
      for (let poll = 0; poll < 3; poll++) expect(await caller.job(id)).toMatchObject({ status: 'in_progress' });
      // Whatever is due now is delivered with this one.
      await caller.ended((await caller.submit(stand.on('/other', json({})))).id);
      expect(stand.received('/slow')).toHaveLength(1);
      answer.go();
      expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 1 });
      expect(await (await caller.get(`/api/jobs/${id}/result`)).json()).toEqual({ first: true });
      expect(stand.received('/slow')).toHaveLength(1);
    },
  );

  it('gives way to a worker that has taken the job over: what it still brings counts no more', async () => {
    const answer = held({ first: true });
    const { id } = await caller.submit(stand.on('/lost', answer.handler, json({ second: true })));
    await answer.come;
    // The lease has run out: another process may run the job.
    clock.advance(6_000);
    const env = { PROXY_CONFIG: JSON.stringify({ local: { host: stand.upstreamUrl } }) };
    const other = await startGateway({ env, clock, data: stand.gateway.data });
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 2 });
    await other.stop({ keepData: true });
    answer.go();
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 2 });
    expect(await (await caller.get(`/api/jobs/${id}/result`)).json()).toEqual({ second: true });
  });
});
