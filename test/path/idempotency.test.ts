import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failing, held, json, reset } from '../harness/answers.ts';
import { type Caller, errorIn, jobIn, listIn, objectIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('Idempotency-Key: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start);
    caller = stand.caller('sk-idempotent-caller');
  });
  afterAll(() => stand.stop());

  const call = (path: string, key: string, body: object = { ask: 'it' }, by = caller) =>
    by.post(`/gateway/local${path}`, body, { 'idempotency-key': key });

  it('twenty calls at once are one call of the provider, answered alike', async () => {
    const answer = held({ said: 'once' });
    const path = stand.on('/at-once', answer.handler);
    const calls = Array.from({ length: 20 }, () => call(path, 'at-once'));
    await answer.come;
    answer.go();
    const responses = await Promise.all(calls);
    for (const response of responses) {
      expect(response.status).toBe(200);
      expect(await objectIn(response)).toEqual({ said: 'once' });
    }
    expect(new Set(responses.map((response) => response.headers.get('x-job-id'))).size).toBe(1);
    expect(responses.filter((response) => !response.headers.has('idempotent-replayed'))).toHaveLength(1);
    expect(stand.received(path)).toHaveLength(1);
  });

  it('a repeat after the end gets the same answer, and says so', async () => {
    const path = stand.on('/repeat', json({ said: 'first' }, 201), json({ said: 'second' }));
    const first = await call(path, 'repeat');
    expect(first.headers.has('idempotent-replayed')).toBe(false);
    const second = await call(path, '"repeat"');
    expect(second.status).toBe(201);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.headers.get('x-job-id')).toBe(first.headers.get('x-job-id'));
    expect(await second.text()).toBe(await first.text());
    expect(stand.received(path)).toHaveLength(1);
  });

  it('POST /api/jobs: the same job, while it runs and when it is done', async () => {
    const answer = held({});
    const path = stand.on('/jobs', answer.handler);
    const headers = { 'idempotency-key': 'jobs' };
    const request = { service: 'local', path, body: { ask: 'it' } };
    const jobs = await Promise.all(Array.from({ length: 20 }, () => caller.post('/api/jobs', request, headers)));
    const ids = await Promise.all(jobs.map(async (response) => (await jobIn(response)).id));
    expect(new Set(ids).size).toBe(1);
    expect(jobs.filter((response) => response.headers.get('idempotent-replayed') === null)).toHaveLength(1);
    answer.go();
    const job = await caller.ended(ids[0] ?? '');
    const again = await caller.post('/api/jobs', request, headers);
    expect(again.status).toBe(200);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await jobIn(again)).toMatchObject({ id: job.id, status: 'completed' });
    expect(stand.received(path)).toHaveLength(1);
  });

  it('a sync call joins the job that was submitted under its key, and the other way round', async () => {
    const path = stand.on('/joined', json({ said: 'it' }));
    const job = await caller.submit(path, { body: { ask: 'it' } }, { 'idempotency-key': 'joined' });
    const response = await call(path, 'joined');
    expect(response.headers.get('x-job-id')).toBe(job.id);
    const native = { prefer: 'respond-async', 'idempotency-key': 'joined' };
    const again = await caller.post(`/gateway/local${path}`, { ask: 'it' }, native);
    expect(await jobIn(again)).toMatchObject({ id: job.id });
    expect(stand.received(path)).toHaveLength(1);
  });

  it('another request under the same key is refused: other body, path, query, method, service', async () => {
    const path = stand.on('/conflict', json({}));
    await call(path, 'conflict');
    const others = [
      call(path, 'conflict', { ask: 'other' }),
      call(`${path}/other`, 'conflict'),
      call(`${path}?q=1`, 'conflict'),
      caller.send('PUT', `/gateway/local${path}`, {
        headers: { 'idempotency-key': 'conflict', 'content-type': 'application/json' },
        body: '{"ask":"it"}',
      }),
      caller.post(`/gateway/demo${path}`, { ask: 'it' }, { 'idempotency-key': 'conflict' }),
      caller.post('/api/jobs', { service: 'local', path }, { 'idempotency-key': 'conflict' }),
    ];
    for (const response of await Promise.all(others)) {
      expect(response.status).toBe(422);
      expect(await errorIn(response)).toMatchObject({ code: 'idempotency_conflict', param: 'Idempotency-Key' });
    }
    expect(stand.received(path)).toHaveLength(1);
  });

  it('bytes that are no JSON are compared as they are, also when they come in chunks', async () => {
    const path = stand.on('/raw', json({}));
    const send = (body: Uint8Array<ArrayBuffer>) =>
      caller.send('POST', `/gateway/local${path}`, {
        headers: { 'idempotency-key': 'raw', 'content-type': 'audio/wav' },
        body,
      });
    const bytes = new Uint8Array(1_500_000).fill(7);
    const first = await send(bytes);
    const repeat = await send(bytes);
    expect(repeat.headers.get('x-job-id')).toBe(first.headers.get('x-job-id'));
    expect((await send(bytes.with(1_499_999, 8))).status).toBe(422);
    expect(stand.received(path)).toHaveLength(1);
  });

  it('many calls at once with a body of several chunks: one call, the body whole', async () => {
    const path = stand.on('/raw-at-once', json({}));
    const headers = { 'idempotency-key': 'raw-at-once', 'content-type': 'audio/wav' };
    const body = new Uint8Array(600_000).fill(3);
    const calls = Array.from({ length: 8 }, () => caller.send('POST', `/gateway/local${path}`, { headers, body }));
    for (const response of await Promise.all(calls)) expect(response.status).toBe(200);
    expect(stand.received(path)).toHaveLength(1);
    expect(stand.received(path)[0]?.body.equals(body)).toBe(true);
  });

  it('another caller with the same key has a job of his own', async () => {
    const path = stand.on('/others', json({}));
    const own = await call(path, 'others');
    const other = await call(path, 'others', { ask: 'it' }, stand.caller('sk-other-caller'));
    expect(other.headers.has('idempotent-replayed')).toBe(false);
    expect(other.headers.get('x-job-id')).not.toBe(own.headers.get('x-job-id'));
    expect(stand.received(path)).toHaveLength(2);
  });

  it('a failing answer is repeated too', async () => {
    const path = stand.on('/failing', failing(422), json({}));
    const first = await call(path, 'failing');
    const second = await call(path, 'failing');
    for (const response of [first, second]) {
      expect(response.status).toBe(422);
      expect(await objectIn(response)).toMatchObject({ error: { message: 'told 422' } });
    }
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(stand.received(path)).toHaveLength(1);
  });

  it('so is a failure that came to no answer, and it names its job', async () => {
    const path = stand.on('/broken', reset);
    const first = await call(path, 'broken');
    expect(first.status).toBe(502);
    const calls = stand.received(path).length;
    const second = await call(path, 'broken');
    expect(second.status).toBe(502);
    expect(second.headers.get('idempotent-replayed')).toBe('true');
    expect(second.headers.get('x-job-id')).toMatch(/^job_/);
    expect(second.headers.get('x-should-retry')).toBe('false');
    expect((await errorIn(second)).code).toBe((await errorIn(first)).code);
    expect(stand.received(path)).toHaveLength(calls);
  });

  it('a provider that fails for a moment is tried again under the same hold', async () => {
    const path = stand.on('/moment', failing(503, { 'retry-after-ms': '1' }), json({ said: 'now' }));
    expect(await objectIn(await call(path, 'moment'))).toEqual({ said: 'now' });
    expect(stand.received(path)).toHaveLength(2);
  });

  it('a client that goes away cancels nothing: its repeat finds the answer', async () => {
    const answer = held({ said: 'it' });
    const path = stand.on('/leaving', answer.handler);
    const leaving = new AbortController();
    const headers = { 'idempotency-key': 'leaving' };
    const gone = caller.post(`/gateway/local${path}`, { ask: 'it' }, headers, leaving.signal);
    await answer.come;
    leaving.abort();
    await expect(gone).rejects.toThrow();
    const repeat = call(path, 'leaving');
    answer.go();
    expect(await objectIn(await repeat)).toEqual({ said: 'it' });
    expect(stand.received(path)).toHaveLength(1);
  });

  it.each(['', 'x'.repeat(256), '""'])('a key that is none is refused: %j', async (key) => {
    const response = await call('/never', key);
    expect(response.status).toBe(400);
    expect((await errorIn(response)).param).toBe('Idempotency-Key');
  });

  it('a sync call under a key is a job in the list', async () => {
    const lister = stand.caller('sk-lister');
    const response = await call(stand.on('/listed', json({})), 'listed', {}, lister);
    const { data } = await listIn(await lister.get('/api/jobs'));
    expect(data).toMatchObject([{ id: response.headers.get('x-job-id'), status: 'completed' }]);
  });
});
