import { randomBytes } from 'node:crypto';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startThrough, type Through } from '../harness/through.ts';
import type { Handler } from '../harness/upstream.ts';
import { send } from '../harness/wire.ts';

const TEXT = '{"text":"Grüße, 世界"}'.repeat(200);
const AUDIO = randomBytes(300_000);
const GZIP = gzipSync(TEXT);
const BROTLI = brotliCompressSync(TEXT);

const answer: Handler = ({ url }, response) => {
  switch (url) {
    case '/gzip':
      return void response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': GZIP.length }).end(GZIP);
    case '/br':
      return void response.writeHead(200, { 'content-encoding': 'br' }).end(BROTLI);
    case '/audio':
      return void response.writeHead(200, { 'content-type': 'audio/mpeg', 'content-length': AUDIO.length }).end(AUDIO);
    case '/head':
      return void response.writeHead(200, { 'content-length': 12_345, etag: '"v1"' }).end();
    case '/204':
    case '/205':
    case '/304':
      return void response.writeHead(Number(url.slice(1)), { etag: '"v1"' }).end();
    case '/trailers':
      response.writeHead(200, { trailer: 'x-checksum', 'content-type': 'text/plain' });
      response.addTrailers({ 'x-checksum': 'abc' });
      return void response.end('body');
    case '/late-hints':
      response.writeEarlyHints({ link: '</style.css>; rel=preload' });
      return void response.end('body');
    default:
      return void response.writeHead(Number(url.slice(1)) || 200, { 'content-type': 'application/json' }).end('{}');
  }
};

describe('bytes', () => {
  let through: Through;
  beforeAll(async () => {
    through = await startThrough(answer);
  });
  afterAll(() => through.stop());
  const get = (path: string, method = 'GET') => send(through.gateway.url, `/gateway/local${path}`, { method });
  const put = (body: string | Uint8Array | AsyncIterable<Uint8Array>, headers: Record<string, string>) =>
    send(through.gateway.url, '/gateway/local/echo', { method: 'POST', headers, body });

  it('a gzip answer stays compressed, with its encoding and length', async () => {
    const { headers, body } = await get('/gzip');
    expect(headers).toMatchObject({ 'content-encoding': 'gzip', 'content-length': String(GZIP.length) });
    expect(body.equals(GZIP)).toBe(true);
  });

  it('a brotli answer of unknown length stays as it is', async () => {
    const { headers, body } = await get('/br');
    expect(headers['content-encoding']).toBe('br');
    expect(body.equals(BROTLI)).toBe(true);
  });

  it('audio arrives byte for byte', async () => {
    const { headers, body } = await get('/audio');
    expect(headers).toMatchObject({ 'content-type': 'audio/mpeg', 'content-length': String(AUDIO.length) });
    expect(body.equals(AUDIO)).toBe(true);
  });

  it('HEAD keeps the length that GET would have, and has no body', async () => {
    const { status, headers, body } = await get('/head', 'HEAD');
    expect(status).toBe(200);
    expect(headers).toMatchObject({ 'content-length': '12345', etag: '"v1"' });
    expect(body.length).toBe(0);
    expect(through.upstream.received.at(-1)?.method).toBe('HEAD');
  });

  it.each([204, 205, 304])('%i has no body', async (code) => {
    const { status, headers, body, complete } = await get(`/${code}`);
    expect([status, headers['etag'], body.length, complete]).toEqual([code, '"v1"', 0, true]);
  });

  it.each([201, 302, 400, 404, 418, 451])('status %i comes as it is', async (code) => {
    expect((await get(`/${code}`)).status).toBe(code);
  });

  it('trailers and their announcement are dropped, the body is not', async () => {
    const { headers, trailers, body } = await get('/trailers');
    expect(headers['trailer']).toBeUndefined();
    expect(trailers).toEqual({});
    expect(body.toString()).toBe('body');
  });

  it('interim answers are passed over', async () => {
    expect(await get('/late-hints')).toMatchObject({ status: 200 });
  });

  it('a multipart upload arrives byte for byte, with its boundary and length', async () => {
    const type = 'multipart/form-data; boundary=----b0undary';
    const head = '------b0undary\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n';
    const body = Buffer.concat([Buffer.from(head), AUDIO, Buffer.from('\r\n------b0undary--\r\n')]);
    await put(body, { 'content-type': type });
    const got = through.upstream.received.at(-1);
    expect(got?.headers).toMatchObject({ 'content-type': type, 'content-length': String(body.length) });
    expect(got?.body.equals(body)).toBe(true);
  });

  it('a long upload keeps its length: not every provider takes a body in chunks', async () => {
    const body = randomBytes(3_000_000);
    await put(body, { 'content-type': 'application/octet-stream' });
    const got = through.upstream.received.at(-1);
    expect(got?.headers).toMatchObject({ 'content-length': '3000000' });
    expect(got?.headers['transfer-encoding']).toBeUndefined();
    expect(got?.body.equals(body)).toBe(true);
  });

  it.each([1_000, 3_000_000])('a chunked body of %i bytes, without a length, arrives whole', async (size) => {
    const body = randomBytes(size);
    const pieces = async function* () {
      for (let at = 0; at < size; at += 50_000) yield body.subarray(at, at + 50_000);
    };
    await put(pieces(), { 'content-type': 'application/octet-stream' });
    expect(through.upstream.received.at(-1)?.body.equals(body)).toBe(true);
  });

  it('JSON is not spelled anew', async () => {
    const body = '{ "seed": 12345678901234567890, "temperature": 1.0,\n "a":1, "a":2 }';
    await put(body, { 'content-type': 'application/json' });
    expect(through.upstream.received.at(-1)?.body.toString()).toBe(body);
  });

  it.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'POST'])('%s takes a body', async (method) => {
    await send(through.gateway.url, '/gateway/local/x', { method, headers: { 'content-length': '4' }, body: 'text' });
    expect(through.upstream.received.at(-1)).toMatchObject({ method });
    expect(through.upstream.received.at(-1)?.body.toString()).toBe('text');
  });
});
