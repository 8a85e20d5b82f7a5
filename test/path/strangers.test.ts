import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { held, json } from '../harness/answers.ts';
import { type Caller, errorIn, jobIn, told } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { movableClock, type Stand, startStand } from '../harness/stand.ts';

const UNKNOWN = 'job_000000000000000000000000';
const READS = ['', '/result', '/stream'];

describe.each(compositions)('what a stranger learns: $name', ({ start }) => {
  const clock = movableClock();
  let stand: Stand;
  let owner: Caller;
  let stranger: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { clock });
    owner = stand.caller('sk-the-owner');
    stranger = stand.caller('sk-a-stranger');
    stand.on('/fine', json({ fine: true }));
  });
  afterAll(() => stand.stop());

  it.each([
    ['waits', () => owner.submit('/fine', { delay_s: 600 })],
    ['has ended', async () => owner.ended((await owner.submit('/fine')).id)],
    ['is cancelled', async () => cancelled((await owner.submit('/fine', { delay_s: 600 })).id)],
  ])('of a job that %s: as much as of none, on every verb', async (_state, make) => {
    const { id } = await make();
    const before = await owner.job(id);
    const verbs = [...READS.map((path) => ['GET', path]), ['POST', '/cancel'], ['POST', '/retry'], ['DELETE', '']];
    for (const [method = '', path = ''] of verbs) {
      const foreign = await told(await stranger.send(method, `/api/jobs/${id}${path}`));
      expect(foreign.status).toBe(404);
      expect(foreign).toEqual(await told(await stranger.send(method, `/api/jobs/${UNKNOWN}${path}`)));
    }
    expect(await owner.job(id)).toEqual(before);
  });

  it('of a job that runs: nothing, and it runs on', async () => {
    const answer = held({});
    const { id } = await owner.submit(stand.on('/runs', answer.handler));
    await answer.come;
    for (const path of ['/cancel', '/retry']) {
      const foreign = await told(await stranger.post(`/api/jobs/${id}${path}`));
      expect(foreign).toEqual(await told(await stranger.post(`/api/jobs/${UNKNOWN}${path}`)));
    }
    answer.go();
    expect(await owner.ended(id)).toMatchObject({ status: 'completed', cancel_requested_at: null });
  });

  async function cancelled(id: string) {
    return jobIn(await owner.post(`/api/jobs/${id}/cancel`));
  }

  it('by a page that is to begin after another’s job: as much as by one after none', async () => {
    const { id } = await owner.submit('/fine');
    await owner.ended(id);
    await stranger.submit('/fine');
    const beginning = async (name: string) => told(await stranger.get(`/api/jobs?after=${encodeURIComponent(name)}`));
    const foreign = await beginning(id);
    expect(foreign.status).toBe(400);
    expect(foreign).toEqual(await beginning(UNKNOWN));
    for (const odd of ['no id', `${id}}:body`, '{x}', '\0', '*', 'x'.repeat(1_000)]) {
      expect(await beginning(odd)).toEqual(foreign);
    }
    expect(await (await stranger.get(`/api/jobs?limit=100`)).text()).not.toContain(id);
  });

  it('by another’s Idempotency-Key: it names a job of their own, whatever it stands for elsewhere', async () => {
    const keyed = { 'idempotency-key': 'shared' };
    const first = await owner.submit('/fine', {}, keyed);
    const other = await stranger.post('/api/jobs', { service: 'local', path: '/fine', body: { ask: 'else' } }, keyed);
    expect([other.status, other.headers.get('idempotent-replayed')]).toEqual([202, null]);
    const second = await jobIn(other);
    expect(second.id).not.toBe(first.id);
    // The native door as well: held, run anew, and of the stranger's own.
    const before = stand.received('/fine').length;
    const native = { 'idempotency-key': 'shared-native' };
    const mine = await owner.post('/gateway/local/fine', { ask: 'it' }, native);
    const theirs = await stranger.post('/gateway/local/fine', { ask: 'it' }, native);
    expect(theirs.headers.get('idempotent-replayed')).toBeNull();
    expect(theirs.headers.get('x-job-id')).not.toBe(mine.headers.get('x-job-id'));
    await Promise.all([owner.ended(first.id), stranger.ended(second.id)]);
    expect(stand.received('/fine').length).toBeGreaterThanOrEqual(before + 2);
  });

  describe('with a read token', () => {
    const anonymous = () => stand.caller();
    const asked = async (id: string, token: string, path = '') =>
      told(await anonymous().get(`/api/jobs/${id}${path}?token=${encodeURIComponent(token)}`));
    const unlessThere = (token: string, path: string) => asked(UNKNOWN, token, path);

    it.each(READS)('that is truncated, changed, longer, empty or another job’s: nothing, at …%s', async (path) => {
      const job = await owner.submit('/fine');
      const other = await owner.submit('/fine');
      await Promise.all([owner.ended(job.id), owner.ended(other.id)]);
      const token = job.read_token ?? '';
      expect((await asked(job.id, token)).status).toBe(200);
      const swapped = `${token.slice(1)}${token.slice(0, 1)}`;
      const wrong = [token.slice(0, -2), swapped, `${token}A`, '', token.toLowerCase(), other.read_token ?? '', job.id];
      for (const spoilt of wrong) {
        const answer = await asked(job.id, spoilt, path);
        expect(answer.status, spoilt).toBe(404);
        expect(answer).toEqual(await unlessThere(spoilt, path));
      }
    });

    it('it opens nothing for writing, also to a caller with a key', async () => {
      const { id, read_token } = await owner.submit('/fine', { delay_s: 600 });
      for (const [method, path] of [
        ['POST', '/cancel'],
        ['POST', '/retry'],
        ['DELETE', ''],
      ] as const) {
        for (const caller of [anonymous(), stranger]) {
          const answer = await told(await caller.send(method, `/api/jobs/${id}${path}?token=${read_token}`));
          expect(answer.status).toBe(404);
          expect(answer).toEqual(await told(await caller.send(method, `/api/jobs/${UNKNOWN}${path}?token=x`)));
        }
      }
      expect(await owner.job(id)).toMatchObject({ status: 'queued' });
      await cancelled(id);
    });

    it('it is no credential elsewhere: not in a header, not for a list, not for a call', async () => {
      const { id, read_token } = await owner.submit('/fine', { delay_s: 600 });
      const bearer = stand.caller(read_token);
      expect((await bearer.get(`/api/jobs/${id}`)).status).toBe(404);
      expect(await (await anonymous().get(`/api/jobs?token=${read_token}`)).text()).not.toContain(id);
      await cancelled(id);
    });

    it('it ends with its job', async () => {
      const { id, read_token } = await owner.submit('/fine', { ttl_s: 60 });
      await owner.ended(id);
      expect((await asked(id, read_token ?? '')).status).toBe(200);
      clock.advance(61_000);
      for (const path of READS) {
        const answer = await asked(id, read_token ?? '', path);
        expect(answer.status).toBe(404);
        expect(answer).toEqual(await unlessThere('x', path));
      }
      const deleted = await owner.submit('/fine');
      await owner.ended(deleted.id);
      expect((await owner.send('DELETE', `/api/jobs/${deleted.id}`)).status).toBe(200);
      const response = await anonymous().get(`/api/jobs/${deleted.id}?token=${deleted.read_token}`);
      expect([response.status, (await errorIn(response)).code]).toEqual([404, 'job_not_found']);
    });
  });
});
