import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jobIn } from '../harness/client.ts';
import { jsonOf, post, send } from '../harness/wire.ts';
import { type EdgeStand, startEdgeStand } from './stand.ts';

const TEXT = 'One sentence after the other. '.repeat(12);
const COMPLETION = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: TEXT }, finish_reason: 'stop' }],
});
const LIMIT = { error: expect.objectContaining({ code: 'function_limit', type: 'TIMEOUT' }) };

/** Halves of events, so that one is always open; for ever. */
function drip(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let part = 0;
  const timer = setInterval(() => response.write(part++ % 2 === 0 ? 'data: {"half"' : ':1}\n\n'), 30);
  response.on('close', () => clearInterval(timer));
}

/** The last event of a stream that has come to its proper end. */
function lastEvent({ body, complete }: { body: Buffer; complete: boolean }): string {
  expect(complete).toBe(true);
  const events = body.toString().split('\n\n');
  expect(events.at(-1)).toBe('');
  return events.at(-2) ?? '';
}

/** Two seconds take the place of a function's five minutes. */
describe('a function’s time', () => {
  let stand: EdgeStand;
  beforeAll(async () => {
    stand = await startEdgeStand(
      ({ url, body }, response) => {
        const asked: unknown = JSON.parse(body.toString() || '{}');
        const kind = JSON.stringify(asked);
        if (url.startsWith('/v1/answers'))
          return void response.writeHead(200, { 'content-type': 'application/json' }).end(COMPLETION);
        if (kind.includes('late'))
          return void setTimeout(() => {
            response.writeHead(200, { 'content-type': 'application/json' }).end(COMPLETION);
          }, 1_200);
        if (kind.includes('quick'))
          return void response.writeHead(200, { 'content-type': 'application/json' }).end(COMPLETION);
        if (kind.includes('drip')) drip(response);
      },
      { env: { FUNCTION_LIMIT: '2000', HEARTBEAT_INTERVAL_MS: '200', CHUNK_DELAY_MS: '250' } },
    );
  });
  afterAll(() => stand.stop());
  const chat = (model: string, stream = true) => ({ model, stream, messages: [] });

  it('is told by a native stream in its format, after its last whole event', async () => {
    const answer = await post(stand.gateway.url, '/gateway/local/v1/chat/completions', chat('drip'));
    expect(JSON.parse(lastEvent(answer).slice('data: '.length))).toEqual(LIMIT);
    const others = answer.body.toString().split('\n\n').slice(0, -2);
    expect(new Set(others)).toEqual(new Set(['data: {"half":1}']));
  });

  it('is told by a replayed stream whose provider takes too long', async () => {
    const answer = await post(stand.gateway.url, '/v1/chat/completions', chat('silent'));
    expect(JSON.parse(lastEvent(answer).slice('data: '.length))).toEqual(LIMIT);
  });

  it('is told by a replayed stream that is paced too slowly', async () => {
    const answer = await post(stand.gateway.url, '/v1/chat/completions', chat('quick'));
    expect(answer.body.toString()).toContain('One sentence');
    expect(JSON.parse(lastEvent(answer).slice('data: '.length))).toEqual(LIMIT);
  });

  it('breaks a stream off that has no format in which to tell', async () => {
    const { complete } = await post(stand.gateway.url, '/gateway/local/other', { model: 'drip' });
    expect(complete).toBe(false);
  });

  it('ends an attempt before the platform would, so that the call is made once', async () => {
    const job = await stand.caller.submit('/v1/slow', { body: { model: 'silent' }, timeout_s: 60 });
    expect(await stand.caller.ended(job.id)).toMatchObject({
      status: 'failed',
      attempts: 1,
      error: { code: 'upstream_timeout' },
    });
    expect(stand.upstream.received.filter(({ url }) => url === '/v1/slow')).toHaveLength(1);
  });

  describe('and the streams of jobs', () => {
    const read = (path: string, headers = {}) =>
      send(stand.gateway.url, path, { headers: { authorization: 'Bearer sk-caller', ...headers } });
    const later = () => stand.caller.submit('/v1/chat/completions', { body: chat('quick', false), delay_s: 3600 });

    it('say where to read on, and go on there', async () => {
      const made = await stand.caller.post('/gateway/local/v1/chat/completions', chat('quick', false), {
        prefer: 'respond-async',
      });
      const { id } = await stand.caller.ended((await jobIn(made)).id);
      const whole = await read(`/api/jobs/${id}/stream`, { 'x-replay-speed': 'instant' });
      const all = whole.body.toString().split('\n\n');
      const first = await read(`/api/jobs/${id}/stream`);
      const told = JSON.parse(lastEvent(first).slice('data: '.length));
      expect(told).toEqual(LIMIT);
      const [, at] = /starting_after=(\d+)/.exec(told.error.message) ?? [];
      const events = first.body.toString().split('\n\n').slice(0, -2);
      expect(events).toHaveLength(Number(at) + 1);
      const rest = await read(`/api/jobs/${id}/stream?starting_after=${at}`, { 'x-replay-speed': 'instant' });
      expect([...events, ...rest.body.toString().split('\n\n')]).toEqual(all);
    });

    it('say it of a stream that still grows too', async () => {
      const options = { body: { ...chat('drip') }, delay_s: 1 };
      const { id } = await stand.caller.submit('/v1/chat/completions', options);
      const answer = await read(`/api/jobs/${id}/stream`);
      const told = JSON.parse(lastEvent(answer).slice('data: '.length));
      const events = answer.body
        .toString()
        .split('\n\n')
        .filter((event) => event === 'data: {"half":1}');
      expect(events.length).toBeGreaterThan(0);
      expect(told).toMatchObject({
        error: { message: expect.stringContaining(`?starting_after=${events.length - 1}.`) },
      });
    });

    it('have an EventSource come again', async () => {
      const { id } = await later();
      expect(lastEvent(await read(`/api/jobs/${id}/stream?event_ids=true`))).toBe('retry: 1000');
      const changes = await read(`/api/jobs/${id}`, { accept: 'text/event-stream' });
      expect(lastEvent(changes)).toBe('retry: 1000');
    });

    it('tell any other reader that this is not the end', async () => {
      const { id } = await later();
      const told = JSON.parse(lastEvent(await read(`/api/jobs/${id}/stream`)).slice('data: '.length));
      expect(told).toMatchObject({ error: { message: expect.stringContaining('read it again') } });
    });
  });

  it('is not outlasted by a hold that is asked for', async () => {
    const job = await stand.caller.submit('/held', { body: {}, delay_s: 3600 });
    const response = await stand.caller.get(`/api/jobs/${job.id}?wait=60`);
    expect(await jobIn(response)).toMatchObject({ status: 'queued' });
    const native = await stand.caller.post(
      '/gateway/local/held',
      { model: 'silent' },
      { prefer: 'respond-async, wait=60' },
    );
    expect([202, 504]).toContain(native.status);
    await native.body?.cancel();
  });

  it('is counted from the request on: a wait before a stream takes of it', async () => {
    // The provider is asked late; what is then replayed has no more than the rest.
    const prefer = { prefer: 'respond-async, wait=60' };
    const startedAt = performance.now();
    const slow = await stand.caller.post(
      '/gateway/local/v1/chat/completions',
      { ...chat('quick'), late: true },
      prefer,
    );
    expect(slow.status).toBe(200);
    const frames = (await slow.text()).split('\n\n');
    expect(JSON.parse(frames.at(-2)?.slice('data: '.length) ?? '')).toEqual(LIMIT);
    // Two functions' times would be 3.8 s.
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  it('is told by the status page', async () => {
    const answer = await send(stand.gateway.url, '/api/status');
    expect(jsonOf(answer)).toMatchObject({
      mode: 'cloud',
      platform: { edge_first_byte_ms: 24_000, function_body_bytes: 4_500_000 },
      limits: { run_limit_ms: 1_900, background_timeout_ms: 1_900, job_timeout_ms: 1_700 },
    });
  });
});

/** As where a plan lets Node functions run longer than the edge, whose time no setting changes. */
describe('the edge’s own time', () => {
  let stand: EdgeStand;
  beforeAll(async () => {
    stand = await startEdgeStand((_request, response) => drip(response), {
      env: { FUNCTION_LIMIT: '60000' },
      edgeLimit: 2_000,
    });
  });
  afterAll(() => stand.stop());

  it.each([
    ['a call of its own', 0],
    ['a call that it has handed on', 1_100_000],
  ])('is told by the stream of %s', async (_name, size) => {
    const asked = { model: 'drip', stream: true, messages: [], filler: 'x'.repeat(size) };
    const answer = await post(stand.gateway.url, '/gateway/local/v1/chat/completions', asked);
    expect(answer.headers['x-processing-mode']).toBe(size === 0 ? 'edge' : 'background');
    expect(JSON.parse(lastEvent(answer).slice('data: '.length))).toEqual(LIMIT);
  });

  it('breaks a stream of its own off that has no format', async () => {
    const { complete } = await post(stand.gateway.url, '/gateway/local/other', { model: 'drip' });
    expect(complete).toBe(false);
  });
});
