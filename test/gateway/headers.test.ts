import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningGateway, startGateway } from '../harness/gateway.ts';
import { startThrough, type Through } from '../harness/through.ts';
import { send } from '../harness/wire.ts';

const EXTRA = JSON.stringify({ 'x-extra': 'from the operator', 'user-agent': 'gateway' });

describe('headers that cross', () => {
  let through: Through;
  let standard: RunningGateway;
  let answered: Record<string, string | string[]> = {};
  beforeAll(async () => {
    through = await startThrough((_request, response) => void response.writeHead(200, answered).end('ok'), {
      service: { defaultHeaders: { 'x-version': '2023-06-01', accept: 'application/vnd+json' } },
      env: { UPSTREAM_EXTRA_HEADERS_JSON: EXTRA, SOURCE_API_URL: 'http://127.0.0.1:1/default' },
    });
    // The same provider under a base path is a service of its own: the one behind /v1.
    standard = await startGateway({
      env: { SOURCE_API_URL: `${through.upstream.url}/default`, UPSTREAM_EXTRA_HEADERS_JSON: EXTRA },
    });
  });
  afterAll(async () => {
    await standard.stop();
    await through.stop();
  });

  const sent = async (headers: Record<string, string | string[]>) => {
    await send(through.gateway.url, '/gateway/local/x', { headers });
    return through.upstream.received.at(-1)?.headers ?? {};
  };
  const returned = async (headers: Record<string, string | string[]>) => {
    answered = headers;
    return (await send(through.gateway.url, '/gateway/local/x')).headers;
  };

  it("the caller's own reach the provider", async () => {
    const own = {
      'openai-organization': 'org-1',
      'anthropic-beta': 'a,b',
      'user-agent': 'OpenAI/Python 3.22',
      accept: 'application/json',
      'accept-encoding': 'br, gzip',
      'x-stainless-retry-count': '1',
      'if-none-match': '"v1"',
      range: 'bytes=0-99',
    };
    expect(await sent(own)).toMatchObject(own);
  });

  it('a repeated header keeps all its values, in their order', async () => {
    expect(await sent({ 'x-many': ['1', '2'] })).toMatchObject({ 'x-many': '1, 2' });
  });

  it.each([
    { connection: 'keep-alive, X-Private', 'x-private': '1', 'keep-alive': 'timeout=5', te: 'trailers' },
    { 'proxy-authorization': 'Basic eDp5', 'proxy-connection': 'keep-alive' },
    { expect: '100-continue' },
  ])('what speaks of one connection stays (RFC 9110 section 7.6.1): %o', async (headers) => {
    const got = await sent(headers);
    for (const name of Object.keys(headers)) if (name !== 'connection') expect(got[name], name).toBeUndefined();
    expect(got.connection ?? '').not.toContain('X-Private');
  });

  it.each([
    'cookie',
    'origin',
    'referer',
    'forwarded',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-real-ip',
    'true-client-ip',
    'x-cluster-client-ip',
    'x-original-forwarded-for',
    'fastly-client-ip',
    'fly-client-ip',
    'x-appengine-user-ip',
    'x-azure-clientip',
    'x-azure-socketip',
    'x-envoy-external-address',
    'x-nf-client-connection-ip',
    'cf-connecting-ip',
    'sec-fetch-mode',
    'x-vercel-id',
    'x-request-id',
    'prefer',
    'x-gateway-stream',
    'x-gateway-anything',
    'x-replay-speed',
    'x-demo-delay-ms',
    'upstash-signature',
  ])('%s stays', async (name) => {
    const value = name === 'x-gateway-stream' ? 'native' : name === 'x-replay-speed' ? 'instant' : '1';
    expect((await sent({ [name]: value }))[name]).toBeUndefined();
  });

  it('the answer says that Prefer might have made another of it, beside what the provider says', async () => {
    expect((await returned({})).vary).toBe('Prefer');
    expect((await returned({ vary: 'Accept-Encoding' })).vary).toBe('Accept-Encoding, Prefer');
    expect((await returned({ vary: 'accept, prefer' })).vary).toBe('accept, prefer');
    expect((await returned({ vary: '*' })).vary).toBe('*');
  });

  it("the service's defaults fill in, and give way to the caller's own", async () => {
    expect(await sent({})).toMatchObject({ 'x-version': '2023-06-01', accept: 'application/vnd+json' });
    expect(await sent({ 'x-version': '2099', accept: '*/*' })).toMatchObject({ 'x-version': '2099', accept: '*/*' });
  });

  it('the operator’s extra headers are set on every call of the default service, and of no other', async () => {
    await send(standard.url, '/v1/x', { headers: { 'x-extra': 'mine' } });
    const { url, headers } = through.upstream.received.at(-1) ?? {};
    expect(url).toBe('/default/v1/x');
    expect(headers).toMatchObject({ 'x-extra': 'from the operator', 'user-agent': 'gateway' });
    expect(await sent({ 'x-extra': 'mine' })).toMatchObject({ 'x-extra': 'mine' });
  });

  it('the host is the configured one', async () => {
    expect((await sent({ host: 'elsewhere.example' })).host).toBe(new URL(through.upstream.url).host);
  });

  it("the provider's own reach the caller", async () => {
    const own = {
      'content-type': 'application/json',
      'openai-processing-ms': '12',
      'x-ratelimit-remaining-requests': '99',
      'retry-after': '3',
      'retry-after-ms': '2500',
      'x-should-retry': 'false',
      etag: '"v1"',
      'cache-control': 'max-age=5',
      'last-modified': 'Tue, 01 Sep 2026 00:00:00 GMT',
    };
    expect(await returned(own)).toMatchObject(own);
  });

  it.each([
    ['set-cookie', ['a=1', 'b=2']],
    ['alt-svc', 'h3=":443"'],
    ['strict-transport-security', 'max-age=1'],
    ['clear-site-data', '"*"'],
    ['set-cookie2', 'a=1'],
    ['nel', '{"report_to":"x","max_age":99}'],
    ['report-to', '{"group":"x","max_age":99,"endpoints":[{"url":"https://provider.example"}]}'],
    ['reporting-endpoints', 'x="https://provider.example"'],
    ['content-security-policy-report-only', "default-src 'none'"],
    ['accept-ch', 'Sec-CH-UA-Model'],
    ['service-worker-allowed', '/'],
    ['refresh', '0; url=https://provider.example'],
    ['access-control-allow-credentials', 'true'],
    ['x-vercel-cache', 'HIT'],
    ['x-gateway-anything', '1'],
    ['x-job-id', 'job_1'],
    ['proxy-authenticate', 'Basic'],
    ['keep-alive', 'timeout=77'],
  ])("the provider's %s is dropped", async (name, value) => {
    expect((await returned({ [name]: value }))[name]).toBeUndefined();
  });

  it("what the provider's Connection names is dropped", async () => {
    expect((await returned({ connection: 'x-private', 'x-private': '1' }))['x-private']).toBeUndefined();
  });

  it("the gateway's own words are not the provider's to say", async () => {
    const headers = await returned({
      'access-control-allow-origin': 'https://evil.example',
      'access-control-expose-headers': 'set-cookie',
      'content-security-policy': "default-src 'self'",
      'x-processing-mode': 'job',
      'x-processing-time': '-1',
      'server-timing': 'cache',
      'x-request-id': 'req_of_the_provider',
    });
    expect(headers['access-control-allow-origin']).toBe('*');
    expect(headers['access-control-expose-headers']).toContain('X-Request-Id');
    expect(headers).toMatchObject({ 'x-processing-mode': 'edge', 'content-security-policy': 'sandbox' });
    expect(headers['server-timing']).toMatch(/^gateway;dur=\d+$/);
    expect(headers['x-request-id']).toMatch(/^req_[\w-]{21}$/);
    expect(headers['x-upstream-request-id']).toBe('req_of_the_provider');
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it('a redirect is not followed, and leads through the gateway where it stays within the service', async () => {
    const before = through.upstream.received.length;
    expect(await returned({ location: '/v1/elsewhere?a=1' })).toMatchObject({
      location: '/gateway/local/v1/elsewhere?a=1',
    });
    expect(await returned({ location: 'https://cdn.example/x' })).toMatchObject({ location: 'https://cdn.example/x' });
    expect(through.upstream.received.length).toBe(before + 2);
  });

  it('bytes beyond ASCII in a header reach the provider, and do no harm on the way back', async () => {
    const headers = { 'x-latin': 'caf\u00e9', 'x-utf8': Buffer.from('世界').toString('latin1') };
    answered = headers;
    // What comes back is not compared: Node writes a head that it sends before a body as UTF-8.
    expect(await send(through.gateway.url, '/gateway/local/x', { headers })).toMatchObject({
      status: 200,
      complete: true,
    });
    expect(through.upstream.received.at(-1)?.headers).toMatchObject(headers);
  });
});
