import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { held, json } from '../harness/answers.ts';
import { type Caller, errorIn, jobIn, objectIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('a native call as a job: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start);
    caller = stand.caller('sk-native-caller');
  });
  afterAll(() => stand.stop());

  const submit = (path: string, prefer: string, headers = {}) =>
    caller.post(`/gateway/local${path}`, { model: 'm-1', ask: 'it' }, { prefer, ...headers });

  it('is taken with 202, and says where it is and when to look', async () => {
    const answer = held({ said: 'it' });
    const response = await submit(stand.on('/taken', answer.handler), 'respond-async');
    expect(response.status).toBe(202);
    const job = await jobIn(response);
    expect(job).toMatchObject({ status: 'queued', service: 'local', method: 'POST', path: '/taken', model: 'm-1' });
    expect(job).toMatchObject({ attempts: 0, response: null, error: null, usage: null, metadata: {} });
    expect(job.expires_at).toBe(job.created_at + 86_400);
    expect(response.headers.get('location')).toBe(`/api/jobs/${job.id}`);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(response.headers.get('preference-applied')).toBe('respond-async');
    expect(response.headers.get('vary')).toBe('Prefer');
    expect(response.headers.get('x-processing-mode')).toBe('job');
    expect(response.headers.get('x-job-id')).toBe(job.id);
    expect(job.urls.get).toBe(`${stand.gateway.url}/api/jobs/${job.id}`);
    expect(job.urls.result).toBe(`${job.urls.get}/result`);
    answer.go();
    expect(await caller.ended(job.id)).toMatchObject({ status: 'completed', response: { status: 200 } });
  });

  it('reaches the provider as it was made: query, headers, bytes and key', async () => {
    stand.on('/as-made', json({}));
    const body = '{ "spaces" :  [1,2 ] }';
    const response = await caller.send('PUT', '/gateway/local/as-made?b=2&a=%20x', {
      headers: {
        'content-type': 'application/json',
        'x-mine': 'kept',
        prefer: 'respond-async',
        'accept-encoding': 'br',
      },
      body,
    });
    await caller.ended((await jobIn(response)).id);
    const [received] = stand.received('/as-made');
    expect(received?.method).toBe('PUT');
    expect(received?.url).toBe('/as-made?b=2&a=%20x');
    expect(received?.body.toString()).toBe(body);
    expect(received?.headers).toMatchObject({ 'x-mine': 'kept', authorization: 'Bearer sk-native-caller' });
    expect(received?.headers).not.toHaveProperty('prefer');
    // Its answer is for readers with other ideas of compression, and is looked into.
    expect(received?.headers['accept-encoding']).toBe('identity');
  });

  it('with a wait that suffices gets the provider answer, and the job id', async () => {
    stand.on('/in-time', json({ said: 'soon' }, 201));
    const response = await submit('/in-time', 'respond-async, wait=30');
    expect(response.status).toBe(201);
    expect(await objectIn(response)).toEqual({ said: 'soon' });
    const id = response.headers.get('x-job-id') ?? '';
    expect(await caller.job(id)).toMatchObject({ status: 'completed', response: { status: 201 } });
  });

  it('with a wait that does not suffice is taken with 202, and nothing is lost', async () => {
    const answer = held({ said: 'late' });
    stand.on('/too-late', answer.handler);
    const response = await submit('/too-late', 'respond-async, wait=1');
    expect(response.status).toBe(202);
    expect(response.headers.get('preference-applied')).toBe('respond-async, wait=1');
    const job = await jobIn(response);
    expect(job.status).toBe('in_progress');
    answer.go();
    await caller.ended(job.id);
    expect(await objectIn(await caller.get(`/api/jobs/${job.id}/result`))).toEqual({ said: 'late' });
    expect(stand.received('/too-late')).toHaveLength(1);
  });

  it('waits no longer than a minute, whatever is asked', async () => {
    stand.on('/clamped', json({}));
    const response = await submit('/clamped', 'respond-async; foo, wait=86400');
    expect(response.status).toBe(200);
    const waiting = held({});
    stand.on('/clamped-held', waiting.handler);
    const leaving = new AbortController();
    const call = caller.post('/gateway/local/clamped-held', {}, { prefer: 'respond-async, wait=61' }, leaving.signal);
    await waiting.come;
    leaving.abort();
    await expect(call).rejects.toThrow();
    waiting.go();
  });

  it('in the form of a failed call gets the provider error within the wait', async () => {
    stand.on('/refused', json({ error: { message: 'no' } }, 403));
    const response = await submit('/refused', 'respond-async, wait=30');
    expect(response.status).toBe(403);
    expect(await objectIn(response)).toEqual({ error: { message: 'no' } });
    expect(response.headers.get('x-job-id')).toMatch(/^job_/);
  });

  it('to a service that is not configured is refused at once', async () => {
    const response = await caller.post('/gateway/nobody/v1/x', {}, { prefer: 'respond-async' });
    expect(response.status).toBe(404);
    expect((await errorIn(response)).code).toBe('service_not_found');
  });
});
