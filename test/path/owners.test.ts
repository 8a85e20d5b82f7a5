import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failing, json } from '../harness/answers.ts';
import { Caller, jobIn, listIn, told } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { type Stand, startStand } from '../harness/stand.ts';

const UNKNOWN = 'job_000000000000000000000000';
const VERBS = [
  ['GET', ''],
  ['GET', '?wait=1'],
  ['GET', '/result'],
  ['GET', '/stream'],
  ['POST', '/cancel'],
  ['POST', '/retry'],
  ['DELETE', ''],
] as const;

describe.each(compositions)('whose job it is: $name', ({ start }) => {
  let stand: Stand;
  let owner: Caller;
  let id: string;
  let token: string;
  beforeAll(async () => {
    stand = await startStand(start, {
      env: { GATEWAY_KEYS: 'alice:alice-key-1234,bob:bob-key-123456', LOCAL_API_KEY: 'sk-of-the-service' },
    });
    owner = stand.caller('sk-the-owner');
    stand.on('/bad', failing(400));
    stand.on('/fine', json({ fine: true }));
    const job = await owner.submit('/bad');
    id = job.id;
    token = job.read_token ?? '';
    await owner.ended(id);
  });
  afterAll(() => stand.stop());

  it.each(VERBS)('to another caller it is as unknown as one that never was: %s %s', async (method, path) => {
    const others = [stand.caller('sk-another'), stand.caller(), stand.caller('alice-key-1234')];
    for (const other of others) {
      const foreign = await told(await other.send(method, `/api/jobs/${id}${path}`));
      expect(foreign.status).toBe(404);
      expect(foreign).toEqual(await told(await other.send(method, `/api/jobs/${UNKNOWN}${path}`)));
      expect(foreign).toEqual(await told(await other.send(method, `/api/jobs/no-id-at-all${path}`)));
    }
    expect(await owner.job(id)).toMatchObject({ status: 'failed', attempts: 1 });
  });

  it('an event stream of changes is refused as well', async () => {
    const other = stand.caller('sk-another');
    const accept = { accept: 'text/event-stream' };
    const foreign = await told(await other.get(`/api/jobs/${id}`, accept));
    expect(foreign.status).toBe(404);
    expect(foreign).toEqual(await told(await other.get(`/api/jobs/${UNKNOWN}`, accept)));
  });

  it('it is not in another list', async () => {
    expect((await listIn(await owner.get('/api/jobs'))).data.map((job) => job.id)).toContain(id);
    for (const other of [stand.caller('sk-another'), stand.caller()]) {
      expect((await listIn(await other.get('/api/jobs'))).data.map((job) => job.id)).not.toContain(id);
    }
  });

  it('the read token opens it for reading, without a credential', async () => {
    for (const path of ['', '/result', '/stream']) {
      const response = await stand.caller().get(`/api/jobs/${id}${path}?token=${token}`);
      expect(response.status).toBe(path === '/result' ? 400 : 200);
      await response.body?.cancel();
    }
    const events = await stand.caller().get(`/api/jobs/${id}?token=${token}`, { accept: 'text/event-stream' });
    expect(events.status).toBe(200);
    await events.body?.cancel();
  });

  it('the read token does not write, not for another job, and a wrong one does not read', async () => {
    for (const [method, path] of VERBS.filter(([verb]) => verb !== 'GET')) {
      expect((await stand.caller().send(method, `/api/jobs/${id}${path}?token=${token}`)).status).toBe(404);
    }
    const second = await owner.submit('/bad');
    expect((await stand.caller().get(`/api/jobs/${second.id}?token=${token}`)).status).toBe(404);
    expect((await stand.caller().get(`/api/jobs?token=${token}`)).status).toBe(200);
    const wrong = await told(await stand.caller().get(`/api/jobs/${id}?token=wrong`));
    expect(wrong).toEqual(await told(await stand.caller().get(`/api/jobs/${UNKNOWN}?token=wrong`)));
    expect(wrong.status).toBe(404);
    expect(second.read_token).not.toBe(token);
    await owner.ended(second.id);
  });

  it.each(['x-api-key', 'x-goog-api-key', 'api-key'])('the same key in %s is the same owner', async (name) => {
    const response = await stand.caller().get(`/api/jobs/${id}`, { [name]: 'sk-the-owner' });
    expect(await jobIn(response)).toMatchObject({ id });
  });

  it('the same key as ?key= is the same owner', async () => {
    expect((await stand.caller().get(`/api/jobs/${id}?key=sk-the-owner`)).status).toBe(200);
  });

  it('a gateway key is an owner by its name, and the service is paid with its own key', async () => {
    const alice = stand.caller('alice-key-1234');
    const job = await alice.submit('/fine');
    await alice.ended(job.id);
    expect(stand.received('/fine').at(-1)?.headers.authorization).toBe('Bearer sk-of-the-service');
    const asHeader = await stand.caller().get(`/api/jobs/${job.id}`, { 'x-api-key': 'alice-key-1234' });
    expect(asHeader.status).toBe(200);
    for (const other of [stand.caller('bob-key-123456'), owner, stand.caller('sk-of-the-service')]) {
      expect((await other.get(`/api/jobs/${job.id}`)).status).toBe(404);
    }
  });

  it('a rolled gateway key of the same name still sees the jobs, the old one no longer', async () => {
    const before = await start({ env: { GATEWAY_KEYS: 'team:old-key-12345' } });
    const request = { service: 'demo', path: '/v1/models', method: 'GET' };
    const old = new Caller(before.url, { authorization: 'Bearer old-key-12345' });
    const { id: rolled } = await jobIn(await old.post('/api/jobs', request));
    await before.stop({ keepData: true });
    const after = await start({ env: { GATEWAY_KEYS: 'team:new-key-12345' }, data: before.data });
    const see = (key: string) => new Caller(after.url, { authorization: `Bearer ${key}` }).get(`/api/jobs/${rolled}`);
    expect((await see('new-key-12345')).status).toBe(200);
    expect((await see('old-key-12345')).status).toBe(404);
    await after.stop();
  });

  it('callers without a credential share theirs within one origin and host only', async () => {
    const job = await stand.caller().submit('/fine');
    await stand.caller().ended(job.id);
    const { host, port } = new URL(stand.gateway.url);
    const see = (headers: Record<string, string>) =>
      new Promise((resolve, reject) => {
        httpRequest({ host: '127.0.0.1', port, path: `/api/jobs/${job.id}`, headers }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode));
        })
          .on('error', reject)
          .end();
      });
    expect(await see({ host })).toBe(200);
    expect(await see({ host, origin: `http://${host}` })).toBe(200);
    expect(await see({ host, origin: 'https://evil.example' })).toBe(404);
    expect(await see({ host, origin: 'null' })).toBe(404);
    expect(await see({ host: 'rebound.example' })).toBe(404);
    expect(await see({ host: 'rebound.example', origin: 'http://rebound.example' })).toBe(404);
  });
});
