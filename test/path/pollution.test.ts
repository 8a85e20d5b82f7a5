import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completion, json, startEvents } from '../harness/answers.ts';
import { type Caller, errorIn, jobIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { type Stand, startStand } from '../harness/stand.ts';

const POISON = '"__proto__":{"polluted":"yes","toJSON":1},"constructor":{"prototype":{"polluted":"yes"}}';

describe.each(compositions)('members that every object has: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { env: { CHUNK_DELAY_MS: '0' } });
    caller = stand.caller('sk-polluting-caller');
  });
  afterAll(() => stand.stop());

  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    caller.send('POST', path, { body, headers: { 'content-type': 'application/json', ...headers } });

  function expectClean() {
    const fresh: Record<string, unknown> = {};
    expect(fresh['polluted']).toBeUndefined();
    expect([Object.keys(Object.prototype), Object.keys(Array.prototype)]).toEqual([[], []]);
  }

  it('are given back in metadata as any other, through store and worker', async () => {
    const path = stand.on('/metadata', json({}));
    const submitted = await post('/api/jobs', `{"service":"local","path":"${path}","metadata":{${POISON},"a":1}}`);
    expect(submitted.status).toBe(202);
    const { id } = await jobIn(submitted);
    await caller.ended(id);
    const text = await (await caller.get(`/api/jobs/${id}`)).text();
    expect(text).toContain('"__proto__":{"polluted":"yes"');
    expectClean();
  });

  it.each(['__proto__', 'constructor', 'prototype', 'toString'])('are no fields of a job: %s', async (name) => {
    const response = await post('/api/jobs', `{"service":"local","path":"/x","${name}":{"service":"openai"}}`);
    expect(response.status).toBe(400);
    expect((await errorIn(response)).param).toBe(name);
    expectClean();
  });

  it.each(['__proto__', 'constructor', 'toString'])('are no services: %s', async (name) => {
    const posted = await post('/api/jobs', JSON.stringify({ service: name, path: '/x' }));
    expect([posted.status, (await errorIn(posted)).param]).toEqual([400, 'service']);
    expect((await caller.get(`/gateway/${name}/x`)).status).toBe(404);
  });

  it('cross in a body byte for byte', async () => {
    const path = stand.on('/body', json({}));
    const body = `{${POISON},"model":"m"}`;
    expect((await post(`/gateway/local${path}`, body)).status).toBe(200);
    expect(stand.received(path).at(-1)?.body.toString()).toBe(body);
  });

  it('of a provider’s answer and events change nothing where these are read', async () => {
    const whole = JSON.stringify(completion('Some words.'));
    const poisoned = whole.replace('"usage":{', `${POISON},"usage":{${POISON},`);
    const chunk = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m",${POISON},"choices":[{"index":0,${POISON},"delta":{${POISON},"content":"x"},"finish_reason":"stop"}],"usage":{${POISON}}}\n\n`;
    const chat = stand.on('/v1/chat/completions', ({ body }, response) => {
      if (!body.toString().includes('"stream":true')) {
        return void response.writeHead(200, { 'content-type': 'application/json' }).end(poisoned);
      }
      startEvents(response);
      response.end(`${chunk}data: [DONE]\n\n`);
    });
    const ask = '{"messages":[],"stream":true}';
    for (const preference of ['replay', 'native']) {
      const headers = { 'x-gateway-stream': preference };
      expect(await (await post(`/gateway/local${chat}`, ask, headers)).text()).toContain('[DONE]');
    }
    const collected = await post(`/gateway/local${chat}`, '{"messages":[]}', { 'x-gateway-stream': 'collect' });
    expect(collected.status).toBe(200);
    const { id } = await caller.submit(chat, { body: { messages: [], stream: true } });
    expect(await caller.ended(id)).toMatchObject({ status: 'completed' });
    for (const path of ['', '/result', '/stream']) await (await caller.get(`/api/jobs/${id}${path}`)).text();
    expectClean();
  });

  it('nested beyond all measure are refused or pass, and break nothing', async () => {
    const path = stand.on('/deep', json({}));
    const deep = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    const submitted = await post('/api/jobs', `{"service":"local","path":"${path}","metadata":${deep}}`);
    expect([submitted.status, (await errorIn(submitted)).param]).toEqual([400, 'metadata']);
    for (const field of ['headers', 'service', 'retries', 'webhook']) {
      const request = `{"service":"local","path":"${path}","${field}":${deep}}`;
      expect((await post('/api/jobs', request)).status).toBe(400);
    }
    const asBody = await post('/api/jobs', `{"service":"local","path":"${path}","body":${deep}}`);
    await caller.ended((await jobIn(asBody)).id);
    expect(stand.received(path).at(-1)?.body.toString()).toBe(deep);
    for (const asked of ['stream', 'stream_options', 'model', 'messages']) {
      expect((await post(`/gateway/local${path}`, `{"${asked}":${deep}}`)).status).toBe(200);
    }
  });
});
