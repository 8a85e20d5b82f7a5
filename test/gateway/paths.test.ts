import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startThrough, type Through } from '../harness/through.ts';
import { send } from '../harness/wire.ts';

describe('paths and queries', () => {
  let through: Through;
  let nested: Through;
  beforeAll(async () => {
    through = await startThrough((_request, response) => void response.end('ok'));
    nested = await startThrough((_request, response) => void response.end('ok'), { service: { basePath: '/openai/' } });
  });
  afterAll(async () => {
    await through.stop();
    await nested.stop();
  });

  it.each([
    '/',
    '/v1/models/org%2Fmodel',
    '/v1beta/models/gemini-pro:generateContent',
    '/v1beta/models/gemini-pro%3AgenerateContent',
    '/v1/files/my%20file.txt/content',
    '/v1/a//b/',
    '/v1/%E4%B8%96%E7%95%8C',
    '/v1/x;p=1/(y)/@z/~u/!$&+,=',
    '/v1/models?limit=10&after=a%2Fb&empty=&flag&a=1&a=2',
    '/v1/search?q=a+b%20c&sig=%2B%3D',
    "/v1/search?q='quoted'",
    '/v1/x?keys=1&akey=2&key%20=3',
  ])('%s comes out as it went in', async (path) => {
    await send(through.gateway.url, `/gateway/local${path}`, { headers: { authorization: 'Bearer sk-own-key' } });
    expect(through.upstream.received.at(-1)?.url).toBe(path);
  });

  it('without a path it is the root', async () => {
    await send(through.gateway.url, '/gateway/local');
    expect(through.upstream.received.at(-1)?.url).toBe('/');
  });

  it("Gemini's key stays with its query, perhaps at its end", async () => {
    await send(through.gateway.url, '/gateway/local/v1beta/m:gen?key=AIza-1%2F2&alt=sse');
    expect(through.upstream.received.at(-1)?.url).toBe('/v1beta/m:gen?alt=sse&key=AIza-1%2F2');
    await send(through.gateway.url, '/gateway/local/v1beta/m:gen?key=AIza-1');
    expect(through.upstream.received.at(-1)?.url).toBe('/v1beta/m:gen?key=AIza-1');
  });

  it('a query named key is not the credential where a header carries one', async () => {
    const headers = { 'x-goog-api-key': 'AIza-own' };
    await send(through.gateway.url, '/gateway/local/v1/x?key=value&b=1', { headers });
    expect(through.upstream.received.at(-1)?.url).toBe('/v1/x?key=value&b=1');
  });

  it('the base path is put in front, and cannot be climbed out of', async () => {
    await send(nested.gateway.url, '/gateway/local/v1/models?a=1');
    expect(nested.upstream.received.at(-1)?.url).toBe('/openai/v1/models?a=1');
    await send(nested.gateway.url, '/gateway/local/../../gateway/local/%2e%2e/local/admin');
    expect(nested.upstream.received.at(-1)?.url).toBe('/openai/admin');
    await send(nested.gateway.url, '/gateway/local/v1/..%2f..%2fadmin');
    expect(nested.upstream.received.at(-1)?.url).toBe('/openai/v1/..%2f..%2fadmin');
  });

  it('nothing in a request chooses the host', async () => {
    const before = through.upstream.received.length;
    for (const path of [
      '/gateway/local//evil.example/x',
      '/gateway/local/@evil.example/',
      '/gateway/local/.evil:80/',
    ]) {
      await send(through.gateway.url, path, { headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example' } });
    }
    const hosts = through.upstream.received.slice(before).map(({ headers }) => headers.host);
    expect(hosts).toEqual(Array(3).fill(new URL(through.upstream.url).host));
  });

  it('the default door and its aliases lead to the default service', async () => {
    await send(through.gateway.url, '/v1/models/x?limit=1');
    expect(through.upstream.received.at(-1)?.url).toBe('/v1/models/x?limit=1');
    await send(through.gateway.url, '/api/models?limit=2');
    expect(through.upstream.received.at(-1)?.url).toBe('/v1/models?limit=2');
    await send(through.gateway.url, '/api/chat', { method: 'POST', body: '{}' });
    expect(through.upstream.received.at(-1)).toMatchObject({ method: 'POST', url: '/v1/chat/completions' });
  });
});
