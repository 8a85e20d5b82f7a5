import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fetchTransport } from '../../lib/upstream/fetch.ts';
import type { UpstreamRequest } from '../../lib/upstream/transport.ts';
import { type FakeUpstream, startUpstream } from '../harness/upstream.ts';

/** `fetch` does more by itself than a proxy wants: what is undone of it. */
describe('calls by fetch', () => {
  let upstream: FakeUpstream;
  beforeAll(async () => {
    const zipped = gzipSync('plain text');
    upstream = await startUpstream(({ url, method }, response) => {
      const coding = url.slice(1);
      if (coding === '') return void response.end('ok');
      const headers = { 'content-encoding': coding, 'content-length': zipped.length };
      response.writeHead(200, headers).end(method === 'HEAD' ? undefined : zipped);
    });
  });
  afterAll(() => upstream.stop());

  async function call(request: Partial<UpstreamRequest> = {}) {
    const { status, headers, body } = await fetchTransport({
      origin: upstream.url,
      target: '/',
      method: 'GET',
      headers: new Headers({ 'accept-encoding': 'gzip' }),
      body: null,
      signal: new AbortController().signal,
      ...request,
    });
    return { status, headers, text: await new Response(body).text() };
  }

  it('ask for no coding, whatever the caller takes', async () => {
    await call();
    expect(upstream.received.at(-1)?.headers['accept-encoding']).toBe('identity');
  });

  it.each(['gzip', 'x-gzip'])('give a decoded answer without the headers of the coded one: %s', async (coding) => {
    const { headers, text } = await call({ target: `/${coding}` });
    expect([text, headers.get('content-encoding'), headers.get('content-length')]).toEqual(['plain text', null, null]);
  });

  it('leave an answer alone whose coding fetch does not know', async () => {
    const { headers, text } = await call({ target: '/aes128gcm' });
    expect(headers.get('content-encoding')).toBe('aes128gcm');
    expect(text).not.toBe('plain text');
  });

  it('leave what HEAD tells alone', async () => {
    const { headers } = await call({ target: '/gzip', method: 'HEAD' });
    expect([headers.get('content-encoding'), headers.get('content-length')]).toEqual(['gzip', expect.any(String)]);
  });

  it('send a whole body with its length once, and a streamed one with the length that is known', async () => {
    const bytes = new TextEncoder().encode('12345');
    const headers = new Headers({ 'content-length': '5' });
    await call({ method: 'POST', body: bytes, headers });
    await call({ method: 'POST', body: new Response(bytes).body, headers });
    for (const { body, headers: sent } of upstream.received.slice(-2)) {
      expect([body.toString(), sent['content-length'], sent['transfer-encoding']]).toEqual(['12345', '5', undefined]);
    }
    await call({ method: 'POST', body: new Response(bytes).body });
    expect(upstream.received.at(-1)?.headers['transfer-encoding']).toBe('chunked');
  });
});
