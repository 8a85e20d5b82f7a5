import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completion, json } from '../harness/answers.ts';
import { Caller, errorIn, jobIn, listIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { dataOf, eventsIn } from '../harness/events.ts';
import type { RunningGateway } from '../harness/gateway.ts';
import { type FakeUpstream, startUpstream } from '../harness/upstream.ts';

/** A gateway that the world reaches: nothing tells callers without a credential apart. */
const PUBLIC: Record<string, Record<string, string>> = {
  'one machine (SQLite)': { HOST: '0.0.0.0' },
  'cloud (Upstash Redis + QStash)': { PUBLIC_BASE_URL: 'https://gateway.example' },
};

describe.each(compositions)('callers without a credential, of a public gateway: $name', ({ name, start }) => {
  let upstream: FakeUpstream;
  let gateway: RunningGateway;
  let stranger: Caller;
  beforeAll(async () => {
    upstream = await startUpstream(json(completion('a secret')));
    const env = { PROXY_CONFIG: upstream.proxyConfig, ALLOW_ENV_API_KEY: 'true', CHUNK_DELAY_MS: '0', ...PUBLIC[name] };
    gateway = await start({ env });
    stranger = new Caller(gateway.url);
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  const submit = async () => {
    const body = { service: 'local', path: '/v1/chat/completions', body: { messages: [] } };
    const response = await stranger.post('/api/jobs', body);
    expect(response.status).toBe(202);
    return jobIn(response);
  };

  it('find none of the jobs that others have made, nor their own', async () => {
    const { id } = await submit();
    const unknown = await stranger.get('/api/jobs/job_000000000000000000000000');
    for (const [method, verb] of [
      ['GET', ''],
      ['GET', '/result'],
      ['GET', '/stream'],
      ['POST', '/cancel'],
      ['POST', '/retry'],
      ['DELETE', ''],
    ] as const) {
      const response = await stranger.send(method, `/api/jobs/${id}${verb}`);
      expect([method, verb, response.status]).toEqual([method, verb, unknown.status]);
      expect((await errorIn(response)).code).toBe('job_not_found');
    }
    expect((await listIn(await stranger.get('/api/jobs'))).data).toEqual([]);
  });

  it('read a job by its token', async () => {
    const { id, read_token } = await submit();
    const token = `token=${read_token}`;
    // The stand-in for the queue does not reach a public address: what counts is that the token opens the job.
    const response = await stranger.get(`/api/jobs/${id}?${token}`);
    expect(await jobIn(response)).toMatchObject({ id });
    if (name.startsWith('one machine')) {
      expect((await jobIn(await stranger.get(`/api/jobs/${id}?wait=20&${token}`))).status).toBe('completed');
      expect(await (await stranger.get(`/api/jobs/${id}/result?${token}`)).json()).toEqual(completion('a secret'));
      expect(dataOf(await eventsIn(await stranger.get(`/api/jobs/${id}/stream?${token}`))).at(-1)).toBe('[DONE]');
    }
  });

  it.each([
    ['a call', '/gateway/local/v1/chat/completions', { messages: [] }],
    ['a job', '/api/jobs', { service: 'local', path: '/v1/x', body: {} }],
  ])('have no Idempotency-Key of their own: %s with one is refused', async (_what, path, body) => {
    const before = upstream.received.length;
    const response = await stranger.post(path, body, { 'idempotency-key': 'k' });
    expect([response.status, (await errorIn(response)).code]).toEqual([401, 'credential_required']);
    expect(upstream.received).toHaveLength(before);
  });

  it('make calls as ever, and are told in the status what becomes of their jobs', async () => {
    const answer = await stranger.post('/gateway/local/v1/chat/completions', { messages: [] });
    expect(await answer.json()).toEqual(completion('a secret'));
    expect(await (await stranger.get('/api/status')).json()).toMatchObject({
      environment: { anonymous_jobs: 'nobodys' },
    });
  });

  it('who brings a key has jobs of their own, as ever', async () => {
    const known = new Caller(gateway.url, { authorization: 'Bearer sk-known' });
    const { id } = await known.submit('/v1/x');
    expect((await listIn(await known.get('/api/jobs'))).data.map((job) => job.id)).toEqual([id]);
    const keyed = await known.post('/api/jobs', { service: 'local', path: '/v1/x' }, { 'idempotency-key': 'k' });
    expect(keyed.status).toBe(202);
  });
});
