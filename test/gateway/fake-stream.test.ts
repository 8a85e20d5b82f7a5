import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isObject, parseJsonObject } from '../../lib/json.ts';
import { startThrough, type Through, until } from '../harness/through.ts';
import { open, post } from '../harness/wire.ts';
import { ASK, CHAT, COMPLETION, dataOf, TEXT, textOf } from './fake-stream.fixtures.ts';

describe('a call answered by replay', () => {
  let through: Through;
  let release: () => void = () => undefined;
  beforeAll(async () => {
    through = await startThrough(
      async ({ headers }, response) => {
        if (headers['x-hold'] === 'true') await new Promise<void>((resolve) => (release = resolve));
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(COMPLETION));
      },
      { env: { CHUNK_DELAY_MS: '0', HEARTBEAT_INTERVAL_MS: '30', UPSTREAM_EXTRA_HEADERS_JSON: '{"x-extra":"1"}' } },
    );
  });
  afterAll(() => through.stop());
  const sentBody = () => parseJsonObject(through.upstream.received.at(-1)?.body ?? new Uint8Array());

  it.each([
    ['by the default door', CHAT, {}],
    ['by its alias', '/api/chat', {}],
    ['where it is asked for', `/gateway/local${CHAT}`, { 'x-gateway-stream': 'replay' }],
  ])('is an event stream: %s', async (_name, path, headers) => {
    const answer = await post(through.gateway.url, path, ASK, headers);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-processing-mode': 'edge',
    });
    const stream = answer.body.toString();
    expect(stream.startsWith(': heartbeat\n\n')).toBe(true);
    expect(textOf(stream)).toBe(TEXT);
    expect(dataOf(stream).length).toBeGreaterThan(5);
    expect(dataOf(stream).at(-1)).toBe('[DONE]');
    expect(stream).not.toMatch(/^id:/m);
  });

  it('asks the provider for a whole answer that can be read here', async () => {
    await post(
      through.gateway.url,
      CHAT,
      { ...ASK, stream_options: { include_usage: true } },
      {
        accept: 'text/event-stream',
        'accept-encoding': 'gzip, br',
        authorization: 'Bearer sk-own',
      },
    );
    const { stream: _stream, ...rest } = ASK;
    expect(sentBody()).toEqual(rest);
    expect(through.upstream.received.at(-1)?.headers).toMatchObject({
      accept: 'application/json',
      'accept-encoding': 'identity',
      'content-type': 'application/json',
      authorization: 'Bearer sk-own',
      'x-extra': '1',
    });
  });

  it('tells the usage where that is asked for, and only there', async () => {
    const usage = async (extra: object) => {
      const stream = (await post(through.gateway.url, CHAT, { ...ASK, ...extra })).body.toString();
      return dataOf(stream).filter((data) => isObject(data) && isObject(data['usage']));
    };
    expect(await usage({})).toEqual([]);
    const [only, ...others] = await usage({ stream_options: { include_usage: true } });
    expect(only).toMatchObject({ choices: [], usage: COMPLETION.usage });
    expect(others).toEqual([]);
  });

  it('begins at once, and beats while the provider works', async () => {
    const { head } = open(through.gateway.url, CHAT, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-hold': 'true' },
      body: JSON.stringify(ASK),
    });
    const message = await head;
    let got = '';
    message.on('data', (part: Buffer) => {
      got += part.toString();
    });
    await until(() => got.split(': heartbeat\n\n').length > 4, 'several heartbeats');
    expect(got.replaceAll(': heartbeat\n\n', '')).toBe('');
    const ended = new Promise((resolve) => message.once('end', resolve));
    release();
    await ended;
    expect(textOf(got)).toBe(TEXT);
  });

  it('is what a stream asked for by the body alone gets: accepting one is not asking', async () => {
    const { stream: _stream, ...whole } = ASK;
    for (const body of [whole, { ...ASK, stream: false }]) {
      const answer = await post(through.gateway.url, CHAT, body, { accept: 'application/json, text/event-stream' });
      expect(answer.body.toString()).toBe(JSON.stringify(COMPLETION));
    }
  });

  it.each([
    ['a service', `/gateway/local${CHAT}`, {}],
    ['the default door, native preferred', CHAT, { 'x-gateway-stream': 'native' }],
    ['a path that cannot be replayed', '/v1/threads/runs', {}],
  ])('is not what %s gets', async (_name, path, headers) => {
    const answer = await post(through.gateway.url, path, ASK, headers);
    expect(answer.body.toString()).toBe(JSON.stringify(COMPLETION));
    expect(sentBody()).toEqual(ASK);
  });

  it('is found in a long body too: pictures make one', async () => {
    const long = { ...ASK, picture: 'x'.repeat(2_000_000) };
    const answer = await post(through.gateway.url, CHAT, long);
    expect(textOf(answer.body.toString())).toBe(TEXT);
    expect(sentBody()).toMatchObject({ picture: long.picture });
    expect(sentBody()).not.toHaveProperty('stream');
  });

  it('is what a service without streams always gives', async () => {
    const other = await startThrough((_request, response) => void response.end(JSON.stringify(COMPLETION)), {
      service: { supportsStreaming: false },
    });
    const answer = await post(other.gateway.url, `/gateway/local${CHAT}`, ASK, { 'x-replay-speed': 'instant' });
    expect(textOf(answer.body.toString())).toBe(TEXT);
    await other.stop();
  });
});
