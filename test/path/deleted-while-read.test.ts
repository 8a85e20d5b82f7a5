import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DONE, pushed, streaming } from '../harness/answers.ts';
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

  it('a stored event stream ends in an error, and is never taken for a whole one', async () => {
    const event = `data: ${'x'.repeat(100_000)}\n\n`;
    const path = stand.on('/long-stream', streaming(event.repeat(SIZE / 100_000), DONE));
    const { id } = await caller.submit(path, { body: { stream: true } });
    await caller.ended(id);
    // A reader who has not come far: what it has not read yet is still in the store.
    const events = new EventsOf(await caller.get(`/api/jobs/${id}/stream`));
    await events.take(1);
    expect((await caller.send('DELETE', `/api/jobs/${id}`)).status).toBe(200);
    const last = (await events.rest()).at(-1)?.data ?? '';
    expect(JSON.parse(last)).toMatchObject({ error: { code: 'job_not_found' } });
    expect((await caller.get(`/api/jobs/${id}/stream`)).status).toBe(404);
  });

  it('a stream that grows ends in an error after the events that its reader has', async () => {
    const answer = pushed();
    const { id } = await caller.submit(stand.on('/growing', answer.handler), { body: { stream: true } });
    await answer.come;
    answer.push('data: 1\n\n');
    const events = new EventsOf(await caller.get(`/api/jobs/${id}/stream`));
    expect((await events.take(1)).map(({ data }) => data)).toEqual(['1']);
    // Not while it runs.
    expect((await caller.send('DELETE', `/api/jobs/${id}`)).status).toBe(409);
    await caller.post(`/api/jobs/${id}/cancel`);
    await caller.ended(id);
    expect((await caller.send('DELETE', `/api/jobs/${id}`)).status).toBe(200);
    const rest = (await events.rest()).map(({ data }) => JSON.parse(data));
    expect(rest).toEqual([
      expect.objectContaining({
        error: expect.objectContaining({ code: expect.stringMatching(/^job_(cancelled|not_found)$/) }),
      }),
    ]);
  });

  it('its changes end; who comes again is told that there is no such job', async () => {
    const { id } = await caller.submit('/never', { delay_s: 600 });
    const accept = 'text/event-stream';
    const events = new EventsOf(await caller.get(`/api/jobs/${id}`, { accept }));
    const [first] = await events.take(1);
    expect(JSON.parse(first?.data ?? '')).toMatchObject({ id, status: 'queued' });
    await events.heartbeats(1);
    await caller.post(`/api/jobs/${id}/cancel`);
    expect((await caller.send('DELETE', `/api/jobs/${id}`)).status).toBe(200);
    // Whether the reader sees the cancellation before the deletion is a matter of moments.
    for (const { data } of await events.rest()) expect(JSON.parse(data)).toMatchObject({ id, status: 'cancelled' });
    const again = await caller.get(`/api/jobs/${id}`, { accept, 'last-event-id': first?.id ?? '' });
    expect(again.status).toBe(404);
  });
});
