import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failing, json, pushed, reset } from '../harness/answers.ts';
import { type Caller, errorIn, jobIn, objectIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { EventsOf } from '../harness/events.ts';
import { type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('a call with an Idempotency-Key, as one without: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start);
    caller = stand.caller('sk-keyed-caller');
  });
  afterAll(() => stand.stop());

  const call = (path: string, method = 'POST', key = path) =>
    caller.send(method, `/gateway/local${path}`, {
      headers: { 'idempotency-key': key, 'content-type': 'application/json' },
      ...(method === 'GET' ? {} : { body: '{"ask":"it"}' }),
    });

  it('a connection that broke is not tried again, as it may have been paid for', async () => {
    const path = stand.on('/broken', reset, json({}));
    expect((await errorIn(await call(path))).code).toBe('upstream_reset');
    expect(stand.received(path)).toHaveLength(1);
  });

  it('a read is', async () => {
    const path = stand.on('/broken-read', reset, json({ said: 'it' }));
    expect(await objectIn(await call(path, 'GET'))).toEqual({ said: 'it' });
  });

  it('a method that is not to be repeated is sent once', async () => {
    const path = stand.on('/put', failing(503), json({}));
    expect((await call(path, 'PUT')).status).toBe(503);
    expect(stand.received(path)).toHaveLength(1);
  });

  it('a status that says "not now" is tried again soon, unless the provider says not to', async () => {
    const path = stand.on('/busy', failing(503), json({ said: 'it' }));
    expect(await objectIn(await call(path))).toEqual({ said: 'it' });
    const final = stand.on('/final', failing(503, { 'x-should-retry': 'false' }), json({}));
    expect((await call(final)).status).toBe(503);
    expect(stand.received(final)).toHaveLength(1);
  });

  it('without ENABLE_RETRY nothing is tried again', async () => {
    const other = await startStand(start, { env: { ENABLE_RETRY: 'false' } });
    try {
      const path = other.on('/once', failing(503), json({}));
      const response = await other.caller('k').post(`/gateway/local${path}`, {}, { 'idempotency-key': 'k' });
      expect(response.status).toBe(503);
      expect(other.received(path)).toHaveLength(1);
    } finally {
      await other.stop();
    }
  });

  const stream = (path: string) =>
    caller.post(
      `/gateway/local${path}`,
      { stream: true },
      { 'idempotency-key': path, 'content-type': 'application/json' },
    );

  it.each(['/v1/threads/runs', '/v1/other'])('%s: a stream is passed on as it comes', async (name) => {
    const answer = pushed();
    const path = stand.on(`/tailed${name}`, answer.handler);
    const opening = stream(path);
    await answer.come;
    answer.push('event: message_start\ndata: {"n":1}\n\n');
    const events = new EventsOf(await opening);
    expect(await events.take(1)).toMatchObject([{ event: 'message_start', data: '{"n":1}' }]);
    const joined = new EventsOf(await stream(path));
    await joined.take(1);
    answer.end('event: message_stop\ndata: {}\n\n');
    expect(await events.rest()).toMatchObject([{ event: 'message_stop' }]);
    expect(await joined.rest()).toMatchObject([{ event: 'message_stop' }]);
    expect(await (await stream(path)).text()).toContain('message_start');
    expect(stand.received(path)).toHaveLength(1);
  });

  it('an array that Gemini streams is given as it is', async () => {
    const frames = [{ candidates: [{ content: { parts: [{ text: 'a' }] } }] }, { candidates: [] }];
    const path = stand.on('/v1beta/models/m:streamGenerateContent', json(frames));
    for (let time = 0; time < 2; time++) expect(await (await stream(path)).json()).toEqual(frames);
    expect(stand.received(path)).toHaveLength(1);
  });

  it('an error before the first event keeps its status', async () => {
    const response = await stream(stand.on('/early/v1/threads/runs', failing(429, { 'x-should-retry': 'false' })));
    expect(response.status).toBe(429);
    expect(await objectIn(response)).toMatchObject({ error: { message: 'told 429' } });
  });

  const send = (path: string, key: string, body: BodyInit) =>
    caller.send('POST', `/gateway/local${path}`, {
      headers: { 'idempotency-key': key, 'content-type': 'application/json' },
      body,
    });

  it('numbers and bytes that only JavaScript takes for the same are other requests; a stream asked for is none', async () => {
    const path = stand.on('/compared', json({}));
    await send(path, 'seed', '{"seed":12345678901234567890}');
    expect((await send(path, 'seed', '{"seed":12345678901234567999}')).status).toBe(422);
    expect((await send(path, 'seed', '{"stream": true, "seed": 12345678901234567890}')).status).toBe(200);
    const invalid = (byte: number) => Uint8Array.from([...new TextEncoder().encode('{"a":"'), byte, 0x22, 0x7d]);
    await send(path, 'bytes', invalid(0xfe));
    expect((await send(path, 'bytes', invalid(0xff))).status).toBe(422);
    expect((await send(path, 'bytes', invalid(0xfe))).status).toBe(200);
  });

  it('deep JSON is passed on, and refused where it would have to be parsed', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const path = stand.on('/deep/v1/chat/completions', json({}));
    expect((await send(path, 'deep', `{"a":${deep}}`)).status).toBe(200);
    const submitted = (fields: string) =>
      caller.send('POST', '/api/jobs', {
        headers: { 'content-type': 'application/json' },
        body: `{"service":"local","path":"${path}",${fields}}`,
      });
    const { id } = await jobIn(await submitted(`"body":${deep}`));
    expect(await caller.ended(id)).toMatchObject({ status: 'completed' });
    expect(stand.received('/deep/v1/chat/completions').at(-1)?.body.toString()).toBe(deep);
    const metadata = await errorIn(await submitted(`"metadata":{"a":${deep}}`));
    expect(metadata).toMatchObject({ code: 'invalid_request', param: 'metadata' });
  });
});
