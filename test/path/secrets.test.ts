import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failing, held, json } from '../harness/answers.ts';
import { type Caller, jobIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { type Stand, startStand } from '../harness/stand.ts';

const PATH_KEY = 'a-key-in-a-path-0123456789';

describe.each(compositions)('secrets: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start);
    caller = stand.caller('sk-a-key-of-a-provider');
  });
  afterAll(() => stand.stop());

  it('the credential is there while the job needs it, and erased by any end', async () => {
    const answer = held({});
    const running = await caller.submit(stand.on('/running', answer.handler));
    const cancelled = await caller.submit('/never', { delay_s: 600 });
    const failed = await caller.submit(stand.on('/failing', failing(400)));
    await answer.come;
    await caller.ended(failed.id);
    for (const { id } of [running, cancelled]) expect(await stand.gateway.hasCredential(id)).toBe(true);
    answer.go();
    await caller.post(`/api/jobs/${cancelled.id}/cancel`);
    await caller.ended(running.id);
    for (const { id } of [running, cancelled, failed]) expect(await stand.gateway.hasCredential(id)).toBe(false);
  });

  it('a key in the path of POST /api/jobs is a credential where the caller brings no other: it pays, and goes', async () => {
    const anonymous = stand.caller();
    const path = stand.on('/by-path-key', failing(400));
    const job = await anonymous.submit(`${path}?a=1&key=${PATH_KEY}&b=2`);
    await anonymous.ended(job.id);
    expect(stand.received(path)[0]?.url).toBe(`${path}?a=1&b=2&key=${PATH_KEY}`);
    expect(await stand.gateway.hasCredential(job.id)).toBe(false);
    await anonymous.post(`/api/jobs/${job.id}/retry`);
    await anonymous.ended(job.id);
    expect(stand.received(path)[1]?.url).toBe(`${path}?a=1&b=2`);
  });

  it('a deleted job leaves no chunk of its body or result', async () => {
    const { id } = await caller.submit(stand.on('/large', json({ text: 'x'.repeat(600_000) })), {
      body: 'y'.repeat(600_000),
    });
    await caller.ended(id);
    await caller.send('DELETE', `/api/jobs/${id}`);
    expect(await stand.gateway.chunks(id)).toBe(0);
  });
});

describe.each(compositions)('a path that is itself a secret: $name', ({ start }) => {
  it('is neither logged nor shown, as the read token opens the job to others', async () => {
    const proxyConfig = JSON.stringify({ telegram: { host: 'http://127.0.0.1:9' } });
    const stand = await startStand(start, { env: { PROXY_CONFIG: proxyConfig } });
    try {
      const caller = stand.caller('sk');
      const request = { service: 'telegram', path: '/botMARKER/sendMessage', body: {}, delay_s: 600 };
      const job = await jobIn(await caller.post('/api/jobs', request));
      expect(job.path).toBe('/…');
      expect((await caller.job(job.id)).path).toBe('/…');
      expect(await (await caller.get('/api/jobs')).text()).not.toContain('MARKER');
      expect(stand.gateway.lines.join('\n')).not.toContain('MARKER');
    } finally {
      await stand.stop();
    }
  });
});
