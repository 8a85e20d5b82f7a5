import { describe, expect, it } from 'vitest';
import { Caller, errorIn, jobIn, listIn, objectIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { eventsIn } from '../harness/events.ts';

const OLD = 'the old secret, of more than 32 characters';
const NEW = 'the new secret, of more than 32 characters';
const chat = {
  service: 'demo',
  path: '/v1/chat/completions',
  body: { messages: [{ role: 'user', content: 'Hello' }] },
};

describe.each(compositions)('a change of GATEWAY_SECRET: $name', ({ start }) => {
  const callerAt = (url: string) => new Caller(url, { authorization: 'Bearer sk-rotating-caller' });

  it('with the old one as the previous: what was stored is read and run as before', async () => {
    const before = await start({ env: { GATEWAY_SECRET: OLD, CHUNK_DELAY_MS: '0' } });
    const first = await jobIn(await callerAt(before.url).post('/api/jobs', chat));
    await callerAt(before.url).ended(first.id);
    const waiting = await jobIn(await callerAt(before.url).post('/api/jobs', { ...chat, delay_s: 2 }));
    await before.stop({ keepData: true });
    const env = { GATEWAY_SECRET: NEW, GATEWAY_SECRET_PREVIOUS: OLD, CHUNK_DELAY_MS: '0' };
    const after = await start({ env, data: before.data });
    const caller = callerAt(after.url);
    try {
      expect(await objectIn(await caller.get(`/api/jobs/${first.id}/result`))).toMatchObject({ model: 'demo-echo' });
      expect((await eventsIn(await caller.get(`/api/jobs/${first.id}/stream`))).at(-1)?.data).toBe('[DONE]');
      expect((await new Caller(after.url).get(`/api/jobs/${first.id}?token=${first.read_token}`)).status).toBe(200);
      const added = await jobIn(await caller.post('/api/jobs', chat));
      const { data } = await listIn(await caller.get('/api/jobs'));
      expect(data.map((job) => job.id)).toEqual([added.id, waiting.id, first.id]);
      expect(await caller.ended(waiting.id)).toMatchObject({ status: 'completed', attempts: 1 });
      expect((await caller.send('DELETE', `/api/jobs/${first.id}`)).status).toBe(200);
    } finally {
      await after.stop();
    }
  });

  it('with the old one as the previous: an Idempotency-Key still names its job', async () => {
    const before = await start({ env: { GATEWAY_SECRET: OLD } });
    const keyed = { 'idempotency-key': 'rotated' };
    const first = await jobIn(await callerAt(before.url).post('/api/jobs', chat, keyed));
    await before.stop({ keepData: true });
    const env = { GATEWAY_SECRET: NEW, GATEWAY_SECRET_PREVIOUS: OLD };
    const after = await start({ env, data: before.data });
    const caller = callerAt(after.url);
    try {
      const again = await caller.post('/api/jobs', chat, keyed);
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect((await jobIn(again)).id).toBe(first.id);
      expect((await caller.post('/api/jobs', { ...chat, body: { other: 1 } }, keyed)).status).toBe(422);
      await caller.ended(first.id);
      await caller.send('DELETE', `/api/jobs/${first.id}`);
      const fresh = await jobIn(await caller.post('/api/jobs', chat, keyed));
      expect(fresh.id).not.toBe(first.id);
      expect((await jobIn(await caller.post('/api/jobs', chat, keyed))).id).toBe(fresh.id);
    } finally {
      await after.stop();
    }
  });

  it('without it: a job of before is unknown to its caller, and told to nobody', async () => {
    const before = await start({ env: { GATEWAY_SECRET: OLD } });
    const { id, read_token } = await jobIn(await callerAt(before.url).post('/api/jobs', { ...chat, delay_s: 600 }));
    await before.stop({ keepData: true });
    const after = await start({ env: { GATEWAY_SECRET: NEW }, data: before.data });
    try {
      const response = await callerAt(after.url).get(`/api/jobs/${id}`);
      expect((await errorIn(response)).code).toBe('job_not_found');
      expect((await new Caller(after.url).get(`/api/jobs/${id}?token=${read_token}`)).status).toBe(404);
    } finally {
      await after.stop();
    }
  });
});
