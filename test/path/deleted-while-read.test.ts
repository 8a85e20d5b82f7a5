import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { EventsOf } from '../harness/events.ts';
import { type Stand, startStand } from '../harness/stand.ts';

const SIZE = 30_000_000;

describe.each(compositions)('a job that is deleted while it is read: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { env: { HEARTBEAT_INTERVAL_MS: '50' } });
    caller = stand.caller('sk-deleting-caller');
  });
  afterAll(() => stand.stop());

  it('its result breaks off, and is never taken for a whole one', async () => {
    stand.on('/long', (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('x'.repeat(SIZE));
    });
    const { id } = await caller.submit('/long');
    await caller.ended(id);
    const response = await caller.get(`/api/jobs/${id}/result`);
    expect(response.headers.get('content-length')).toBe(String(SIZE));
    expect((await caller.send('DELETE', `/api/jobs/${id}`)).status).toBe(200);
    await expect(response.arrayBuffer()).rejects.toThrow();
    expect((await caller.get(`/api/jobs/${id}/result`)).status).toBe(404);
  });

  it('a reader who waits for its stream is told so, in the stream', async () => {
    const { id } = await caller.submit('/v1/chat/completions', { delay_s: 600 });
    const events = new EventsOf(await caller.get(`/api/jobs/${id}/stream`));
    await events.heartbeats(1);
    await caller.post(`/api/jobs/${id}/cancel`);
    await caller.send('DELETE', `/api/jobs/${id}`);
    const last = (await events.rest()).at(-1)?.data ?? '';
    expect(JSON.parse(last)).toMatchObject({ error: { code: expect.stringMatching(/^job_(cancelled|not_found)$/) } });
  });
});
