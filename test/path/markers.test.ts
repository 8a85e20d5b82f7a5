import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { chatChunk, completion, DONE, json, pushed, reset, startEvents, streaming } from '../harness/answers.ts';
import { Caller, jobIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { marker, markersIn } from '../harness/markers.ts';
import { startReceiver, status, WEBHOOK_ENV } from '../harness/receiver.ts';
import { type Stand, startStand } from '../harness/stand.ts';
import type { Handler } from '../harness/upstream.ts';

/** What must be found in clear nowhere, each recognisable by its name. */
const MARKERS = {
  providerKey: `sk-${marker('provider-key')}`,
  queryKey: marker('query-key'),
  pathKey: marker('path-key'),
  gatewayKey: marker('gateway-key'),
  serviceKey: `sk-${marker('service-key')}`,
  gatewaySecret: `${marker('gateway-secret')}-of-32-characters`,
  secretHeader: marker('secret-header'),
  plainHeader: marker('plain-header'),
  prompt: marker('prompt'),
  completion: marker('completion'),
  metadata: marker('metadata'),
  webhook: marker('webhook'),
  idempotency: marker('idempotency'),
};
const CHAT = '/v1/chat/completions';

/** A provider's error that quotes all that it was sent. */
const echo: Handler = (request, response, message) => {
  const said = `bad: ${JSON.stringify(request.headers)} ${request.url} ${request.body.toString()}`;
  return json({ error: { message: said, type: said, code: said, param: said } }, 400)(request, response, message);
};

/** Ends in what is no HTTP, with the completion in it. */
const malformed: Handler = (_request, response) => {
  response.socket?.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`);
  setTimeout(() => response.socket?.end(`${MARKERS.completion}\r\n`), 20);
};

const cutShort: Handler = (_request, response) => {
  startEvents(response);
  response.write(chatChunk(MARKERS.completion), () => response.socket?.destroy());
};

const formats = ['text', 'json'] as const;
const all = compositions.flatMap(({ name, start }) => formats.map((format) => ({ name, start, format })));

describe.each(all)('nothing lies in clear: $name, $format log', ({ start, format }) => {
  let stand: Stand;
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  let caller: Caller;
  const printed: unknown[] = [];
  const errors: [string, Buffer][] = [];
  const dumps: [string, Buffer][] = [];
  beforeAll(async () => {
    for (const name of ['error', 'info', 'log', 'warn', 'debug'] as const) {
      vi.spyOn(console, name).mockImplementation((...args) => void printed.push(...args));
    }
    receiver = await startReceiver();
    stand = await startStand(start, {
      env: {
        ...WEBHOOK_ENV,
        LOG_LEVEL: 'DEBUG',
        LOG_FORMAT: format,
        CHUNK_DELAY_MS: '0',
        GATEWAY_SECRET: MARKERS.gatewaySecret,
        GATEWAY_KEYS: `app:${MARKERS.gatewayKey}`,
        LOCAL_API_KEY: MARKERS.serviceKey,
      },
      service: { maxRetries: 1 },
    });
    caller = stand.caller(MARKERS.providerKey);
    const streamed = streaming(chatChunk(MARKERS.completion), chatChunk('.', 'stop'), DONE);
    stand.on(CHAT, (request, response, message) => {
      const isStream = request.body.toString().includes('"stream":true');
      return (isStream ? streamed : json(completion(MARKERS.completion)))(request, response, message);
    });
    stand.on('/echo', echo);
    stand.on('/reset', reset);
    stand.on('/malformed', malformed);
    stand.on('/cut', cutShort);
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    await stand.stop();
    await receiver.stop();
  });

  const body = { model: 'm', messages: [{ role: 'user', content: MARKERS.prompt }] };
  const asStream = { ...body, stream: true };
  const headers = { 'x-custom-token': MARKERS.secretHeader, 'x-custom': MARKERS.plainHeader };
  const hook = () => receiver.on(`/hook/${MARKERS.webhook}`, status(500), status(204));

  /** Reads an answer to its end; of errors that are the gateway's own it keeps the words. */
  async function read(response: Response): Promise<Response> {
    const copy = response.clone();
    const text = await response.text().catch(() => 'broken off');
    if (/"request_id":"req_/.test(text)) {
      errors.push([`error ${errors.length}`, Buffer.from(`${JSON.stringify(Array.from(copy.headers))}${text}`)]);
    }
    return copy;
  }
  const post = async (path: string, ask: object, more: Record<string, string> = {}) =>
    read(await caller.post(`/gateway/local${path}`, ask, { ...headers, ...more }));
  const submit = (path: string, request: object = {}) =>
    caller.submit(path, { body, headers, metadata: { note: MARKERS.metadata }, webhook: hook(), ...request });
  async function readAll(id: string) {
    for (const path of ['', '/result', '/stream']) await read(await caller.get(`/api/jobs/${id}${path}`));
  }
  async function dump(when: string) {
    for (const [place, bytes] of await stand.gateway.stored()) dumps.push([`${when}: ${place}`, bytes]);
  }

  it('of sync calls, streams, fake streams and collected ones, whatever becomes of them', async () => {
    for (const path of [CHAT, '/echo', '/reset', '/malformed', '/cut', '/not-there']) {
      await post(path, body);
      await post(path, asStream);
      await post(path, asStream, { 'x-gateway-stream': 'replay' });
      await post(path, body, { 'x-gateway-stream': 'collect' });
    }
    await post(`${CHAT}/chat/completions`, body);
    const byQuery = new Caller(stand.gateway.url);
    await read(await byQuery.post(`/gateway/local${CHAT}?key=${MARKERS.queryKey}`, body));
    await read(await stand.caller(MARKERS.gatewayKey).post(`/gateway/local${CHAT}`, body));
    await dump('after calls');
  });

  it('of jobs, native, posted and keyed: done, failed, broken, run again, cancelled, and of their webhooks', async () => {
    const done = await submit(`${CHAT}?key=${MARKERS.pathKey}`);
    const streamedJob = await submit(CHAT, { body: asStream });
    const failed = await submit('/echo', { retries: 0 });
    const broken = await submit('/reset', { retries: 0 });
    const cut = await submit('/cut', { body: asStream, retries: 0 });
    const odd = await submit('/malformed', { retries: 0 });
    const waiting = await submit(CHAT, { delay_s: 600 });
    const native = await jobIn(await post(CHAT, body, { prefer: 'respond-async', 'x-gateway-webhook': hook() }));
    const paid = await jobIn(
      await stand.caller(MARKERS.gatewayKey).post(`/gateway/local${CHAT}`, body, { prefer: 'respond-async' }),
    );
    const live = pushed();
    const running = await submit(stand.on('/live', live.handler), { body: asStream });
    await live.come;
    live.push(chatChunk(MARKERS.completion));
    await dump('while jobs wait and run');
    await caller.post(`/api/jobs/${running.id}/cancel`);
    await caller.post(`/api/jobs/${waiting.id}/cancel`);
    const ended = [done, streamedJob, failed, broken, cut, odd, waiting, native, running];
    for (const { id } of ended) {
      await caller.ended(id);
      await readAll(id);
    }
    await stand.caller(MARKERS.gatewayKey).ended(paid.id);
    await read(await caller.post(`/api/jobs/${failed.id}/retry`, {}, headers));
    await caller.ended(failed.id);
    const key = { 'idempotency-key': MARKERS.idempotency };
    for (const path of [CHAT, CHAT, '/echo', '/reset']) await post(path, body, key);
    await post(CHAT, { other: MARKERS.prompt }, key);
    await vi.waitFor(() => expect(receiver.deliveries(`/hook/${MARKERS.webhook}`).length).toBeGreaterThan(2), 10_000);
    await dump('after jobs');
    await caller.send('DELETE', `/api/jobs/${done.id}`);
    await dump('after a deletion');
  });

  it('of what is refused', async () => {
    const refused = [
      { service: MARKERS.prompt, path: '/' },
      { service: 'local', path: MARKERS.prompt },
      { service: 'local', path: '/', metadata: MARKERS.metadata },
      { service: 'local', path: '/', headers: { 'x-a': `${MARKERS.secretHeader}\n` } },
      { service: 'local', path: '/', webhook: `ftp://${MARKERS.webhook}/` },
      { service: 'local', path: '/', body_base64: MARKERS.prompt },
      { service: 'local', path: '/', method: MARKERS.prompt },
    ];
    for (const request of refused) expect((await read(await caller.post('/api/jobs', request))).status).toBe(400);
    const text = { body: MARKERS.prompt, headers: { 'content-type': 'application/json' } };
    expect((await read(await caller.send('POST', '/api/jobs', text))).status).toBe(400);
    expect((await post(CHAT, body, { 'x-gateway-webhook': `http://u:p@${MARKERS.webhook}/` })).status).toBe(200);
    const job = { prefer: 'respond-async', 'x-gateway-webhook': `nowhere:${MARKERS.webhook}` };
    expect((await post(CHAT, body, job)).status).toBe(400);
    expect((await post(CHAT, body, { 'idempotency-key': `${MARKERS.idempotency}\xe9` })).status).toBe(400);
    const twoKeys = { authorization: `Bearer ${MARKERS.providerKey}, Bearer ${MARKERS.gatewayKey}` };
    expect((await post(CHAT, body, twoKeys)).status).toBe(400);
    await read(await caller.get(`/api/jobs?after=${MARKERS.prompt}`));
    await read(await caller.get(`/api/jobs/${MARKERS.prompt}?token=${MARKERS.providerKey}`));
    await read(await caller.get(`/nowhere/${MARKERS.prompt}?key=${MARKERS.queryKey}`));
  });

  it('in no file, key, message, line, print or error of the gateway, in whatever form', async () => {
    await dump('at the end');
    // The proof of the proof: all of it did travel, and would be found.
    const calls = [CHAT, '/echo', '/live'].flatMap((path) => stand.received(path));
    const travelled = Buffer.from(calls.map(({ url, rawHeaders, body }) => `${url} ${rawHeaders} ${body}`).join('\n'));
    const sent = ['providerKey', 'queryKey', 'pathKey', 'serviceKey', 'secretHeader', 'plainHeader', 'prompt'];
    const found = markersIn([['calls', travelled]], MARKERS);
    expect(found).toEqual(expect.arrayContaining(sent.map((name) => `${name} in calls`)));
    expect(found).not.toContain('gatewayKey in calls');
    expect(errors.length).toBeGreaterThan(20);
    expect(dumps.length).toBeGreaterThan(20);
    expect(stand.gateway.lines.length).toBeGreaterThan(50);
    const lines = Buffer.from(stand.gateway.lines.join('\n'));
    const prints = Buffer.from(inspect(printed, { depth: 20, maxStringLength: null, maxArrayLength: null }));
    expect(markersIn([...dumps, ...errors, ['log', lines], ['print', prints]], MARKERS)).toEqual([]);
  });
});

describe('the search itself', () => {
  it.each([
    ['as it is', (text: string) => Buffer.from(`x${text}y`)],
    ['in base64', (text: string) => Buffer.from(Buffer.from(`x${text}y`).toString('base64'))],
    ['in base64 of a JSON text', (text: string) => Buffer.from(btoa(JSON.stringify({ ab: text })))],
    ['in base64url', (text: string) => Buffer.from(Buffer.from(`xy${text}`).toString('base64url'))],
    ['in hex', (text: string) => Buffer.from(Buffer.from(text).toString('hex'))],
    ['in UTF-16', (text: string) => Buffer.from(text, 'utf16le')],
  ])('finds a marker %s', (_form, hidden) => {
    expect(markersIn([['here', hidden(MARKERS.prompt)]], MARKERS)).toEqual(['prompt in here']);
  });
});
