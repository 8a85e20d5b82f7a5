import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { held, json } from '../harness/answers.ts';
import { type Caller, errorIn, jobIn, objectIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('a hold that ends before the job: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { env: { BACKGROUND_TIMEOUT: '300' } });
    caller = stand.caller('sk-held-caller');
  });
  afterAll(() => stand.stop());

  it('is answered with 504 and the job; the repeat with the same key finds the answer', async () => {
    const answer = held({ said: 'late' });
    const path = stand.on('/late', answer.handler);
    const call = () => caller.post(`/gateway/local${path}`, { ask: 'it' }, { 'idempotency-key': 'late' });
    const response = await call();
    expect(response.status).toBe(504);
    expect(response.headers.get('x-should-retry')).toBe('true');
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    const error = await errorIn(response);
    expect(error).toMatchObject({ code: 'hold_timeout', type: 'TIMEOUT' });
    expect(error['job']).toMatchObject({ id: response.headers.get('x-job-id'), status: 'in_progress' });
    expect((await call()).status).toBe(504);
    answer.go();
    await caller.ended(response.headers.get('x-job-id') ?? '');
    const repeat = await call();
    expect(repeat.status).toBe(200);
    expect(await objectIn(repeat)).toEqual({ said: 'late' });
    expect(repeat.headers.get('idempotent-replayed')).toBe('true');
    expect(stand.received(path)).toHaveLength(1);
  });

  it('is not for a call that said how long it waits', async () => {
    const path = stand.on('/patient', async (_request, response) => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
    const headers = { prefer: 'respond-async, wait=30', 'idempotency-key': 'patient' };
    expect((await caller.post(`/gateway/local${path}`, {}, headers)).status).toBe(200);
  });

  it('LONG_REQUEST_MODE=job: a long call is taken as a job, without a preference that nobody stated', async () => {
    const gateway = await startStand(start, { env: { LONG_REQUEST_MODE: 'job' } });
    try {
      const path = gateway.on('/v1/images/generations', json({ data: [] }));
      const response = await gateway.caller('sk').post(`/gateway/local${path}`, {});
      expect(response.status).toBe(202);
      expect(response.headers.has('preference-applied')).toBe(false);
      const { id } = await jobIn(response);
      expect(await gateway.caller('sk').ended(id)).toMatchObject({ status: 'completed' });
    } finally {
      await gateway.stop();
    }
  });
});
