import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatChunk, completion, DONE, failing, json, pushed, streaming } from '../harness/answers.ts';
import { type Caller, objectIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { dataOf, EventsOf, eventsIn } from '../harness/events.ts';
import { type Stand, startStand } from '../harness/stand.ts';

/** Each scenario has a path of its own that ends as the replayable one does. */
const chat = (name: string) => `/${name}/v1/chat/completions`;

describe.each(compositions)('one answer in both forms: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { env: { CHUNK_DELAY_MS: '0', CHUNK_TARGET_LENGTH: '5' } });
    caller = stand.caller('sk-form-caller');
  });
  afterAll(() => stand.stop());

  const call = (path: string, extra: object = {}, headers = {}) =>
    caller.post(`/gateway/local${path}`, { model: 'm', ...extra }, { 'idempotency-key': path, ...headers });

  const textOf = (events: readonly { data: string }[]) =>
    events
      .filter(({ data }) => data !== '[DONE]')
      .map(({ data }) => JSON.parse(data).choices[0]?.delta?.content ?? '')
      .join('');

  it('a repeat with stream: true of a JSON answer is a stream', async () => {
    const path = stand.on(chat('json-first'), json(completion('Hello to all of you')));
    await call(path);
    const response = await call(path, { stream: true });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(response.headers.get('idempotent-replayed')).toBe('true');
    const events = await eventsIn(response);
    expect(textOf(events)).toBe('Hello to all of you');
    expect(events.length).toBeGreaterThan(4);
    expect(events.at(-1)?.data).toBe('[DONE]');
    expect(events.some(({ data }) => data.includes('"usage"'))).toBe(false);
    expect(stand.received(path)).toHaveLength(1);
  });

  it('with the usage chunk where it is asked for', async () => {
    const path = stand.on(chat('json-usage'), json(completion('Hello')));
    await call(path);
    const events = await eventsIn(await call(path, { stream: true, stream_options: { include_usage: true } }));
    expect(JSON.parse(events.at(-2)?.data ?? '')).toMatchObject({ choices: [], usage: { total_tokens: 8 } });
  });

  it('a repeat without stream of a streamed answer is the completion that the stream spells', async () => {
    const frames = [chatChunk('Hel'), chatChunk('lo'), chatChunk('', 'stop'), DONE];
    const path = stand.on(chat('stream-first'), streaming(...frames));
    const streamed = await eventsIn(await call(path, { stream: true }));
    expect(textOf(streamed)).toBe('Hello');
    const response = await call(path);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(response.headers.get('idempotent-replayed')).toBe('true');
    expect(await objectIn(response)).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }],
    });
    expect(stand.received(path)).toHaveLength(1);
  });

  it('numbers are spelled in either form as the provider has spelled them', async () => {
    const numbers = '{"id":9007199254740993,"large":1e400,"list":[1.0,-0]}';
    const whole = `{"id":"c","created":1.0,"model":"m","choices":[{"index":0,"message":{"content":"a"}}],"x":${numbers}}`;
    const replayed = stand.on(chat('numbers-whole'), (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(whole);
    });
    await call(replayed);
    const [first] = dataOf(await eventsIn(await call(replayed, { stream: true })));
    expect(first).toContain(`"x":${numbers}`);
    expect(first).toContain('"created":1.0');
    const gathered = stand.on(chat('numbers-stream'), streaming(`data: {"choices":[],"x":${numbers}}\n\n`, DONE));
    await eventsIn(await call(gathered, { stream: true }));
    expect(await (await call(gathered)).text()).toContain(`"x":${numbers}`);
  });

  it.each(['1', '1.0'])('a stream that spells what is nested too deeply is given as it is: %s', async (number) => {
    const frame = `data: {"choices":[],"x":${'['.repeat(20_000)}${number}${']'.repeat(20_000)}}\n\n`;
    const path = stand.on(chat(`deep-${number}`), streaming(frame, DONE));
    await eventsIn(await call(path, { stream: true }));
    const response = await call(path);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(`${frame}${DONE}`);
  });

  it('a repeat joins a stream that runs, from its first event', async () => {
    const answer = pushed();
    const path = stand.on(chat('joined'), answer.handler);
    const first = new EventsOf(await call(path, { stream: true }));
    await answer.come;
    answer.push(chatChunk('one'));
    await first.take(1);
    const second = new EventsOf(await call(path, { stream: true }));
    const whole = call(path);
    await second.take(1);
    answer.push(chatChunk('two'));
    answer.push(chatChunk('', 'stop'));
    answer.end(DONE);
    expect(dataOf(await second.rest())).toEqual(dataOf(await first.rest()));
    expect(await objectIn(await whole)).toMatchObject({ choices: [{ message: { content: 'onetwo' } }] });
    expect(stand.received(path)).toHaveLength(1);
  });

  it('a reader of the stream who goes away cancels nothing', async () => {
    const answer = pushed();
    const path = stand.on(chat('leaving'), answer.handler);
    const reader = new EventsOf(await call(path, { stream: true }));
    await answer.come;
    answer.push(chatChunk('one'));
    await reader.take(1);
    await reader.leave();
    answer.push(chatChunk('two', 'stop'));
    answer.end(DONE);
    expect(await objectIn(await call(path))).toMatchObject({ choices: [{ message: { content: 'onetwo' } }] });
    expect(stand.received(path)).toHaveLength(1);
  });

  it('X-Gateway-Stream: replay has the provider asked for a whole answer', async () => {
    const path = stand.on(chat('replay'), json(completion('Hello to you')));
    const response = await call(path, { stream: true }, { 'x-gateway-stream': 'replay' });
    expect(textOf(await eventsIn(response))).toBe('Hello to you');
    expect(JSON.parse(stand.received(path)[0]?.body.toString() ?? '')).toEqual({ model: 'm' });
    expect(await objectIn(await call(path))).toEqual(completion('Hello to you'));
  });

  it('within a wait the answer has the form that was asked for, however large the request', async () => {
    const path = stand.on(chat('large'), streaming(chatChunk('Hi', 'stop'), DONE));
    const body = { model: 'm', stream: true, padding: 'x'.repeat(1_500_000) };
    const response = await caller.post(`/gateway/local${path}`, body, { prefer: 'respond-async, wait=30' });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(textOf(await eventsIn(response))).toBe('Hi');
  });

  it('a failure of a streamed call is told in the stream', async () => {
    const path = stand.on(chat('failing'), failing(400));
    const events = await eventsIn(await call(path, { stream: true }));
    expect(events.map(({ data }) => JSON.parse(data))).toMatchObject([
      { error: { message: 'told 400', type: 'told_type', code: 'told_code' } },
    ]);
    expect((await call(path)).status).toBe(400);
  });
});

describe.each(compositions)('a service that cannot stream: $name', ({ start }) => {
  it('is asked for whole answers, by any way to a job', async () => {
    const stand = await startStand(start, { service: { supportsStreaming: false }, env: { CHUNK_DELAY_MS: '0' } });
    try {
      const caller = stand.caller('sk-form-caller');
      const path = stand.on(chat('whole-only'), json(completion('Hello')));
      const body = { model: 'm', stream: true, stream_options: { include_usage: true } };
      const native = await caller.post(`/gateway/local${path}`, body, { 'idempotency-key': 'k' });
      expect((await eventsIn(native)).at(-1)?.data).toBe('[DONE]');
      const { id } = await caller.submit(path, { body });
      const events = await eventsIn(await caller.get(`/api/jobs/${id}/stream`));
      expect(events.at(-1)?.data).toBe('[DONE]');
      for (const { body: received } of stand.received(path))
        expect(JSON.parse(received.toString())).toEqual({ model: 'm' });
    } finally {
      await stand.stop();
    }
  });
});
