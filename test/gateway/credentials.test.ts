import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Environment } from '../../lib/config.ts';
import { startThrough, type Through } from '../harness/through.ts';
import { jsonOf, send } from '../harness/wire.ts';

const GATEWAY_KEYS = 'alice:gk-alice-0001, bob:gk-bob-00002';
const KEY_HEADERS = ['authorization', 'x-api-key', 'x-goog-api-key', 'api-key'];

/** What the provider saw of one call: every header and the target, as one text to search. */
async function seen({ gateway, upstream }: Through, headers: Record<string, string | string[]>, query = '') {
  const before = upstream.received.length;
  const answer = await send(gateway.url, `/gateway/local/v1/x${query}`, { headers });
  const call = upstream.received[before];
  return { answer, url: call?.url, headers: call?.headers ?? {}, text: JSON.stringify([call?.url, call?.rawHeaders]) };
}

function start(env: Environment, service: Record<string, unknown> = {}): Promise<Through> {
  return startThrough((_request, response) => void response.end('ok'), { env, service });
}

describe('a caller with a key of the provider', () => {
  let through: Through;
  beforeAll(async () => {
    through = await start({ LOCAL_API_KEY: 'sk-of-the-service' });
  });
  afterAll(() => through.stop());

  it.each([
    { authorization: 'Bearer sk-own' },
    { authorization: 'Basic dTpw' },
    { 'x-api-key': 'sk-ant' },
    { 'x-goog-api-key': 'AIza' },
    { 'api-key': 'azure' },
  ])('has it passed on as it came: %o', async (headers) => {
    expect((await seen(through, headers)).headers).toMatchObject(headers);
  });

  it('that is nobody’s reaches the provider without any', async () => {
    const { answer, text } = await seen(through, {});
    expect(answer.status).toBe(200);
    expect(text).not.toContain('sk-of-the-service');
  });

  it('an empty header is no credential: the one in the query is', async () => {
    expect((await seen(through, { authorization: '' }, '?key=AIza-1&alt=sse')).url).toBe('/v1/x?alt=sse&key=AIza-1');
  });
});

describe('a caller with a gateway key', () => {
  let through: Through;
  beforeAll(async () => {
    through = await start({ GATEWAY_KEYS, LOCAL_API_KEY: 'sk-of-the-service' });
  });
  afterAll(() => through.stop());

  it.each([
    [{ authorization: 'Bearer gk-alice-0001' }, ''],
    [{ authorization: 'bearer   gk-bob-00002' }, ''],
    [{ authorization: 'gk-alice-0001' }, ''],
    [{ 'x-api-key': 'gk-alice-0001' }, ''],
    [{ 'x-goog-api-key': 'gk-alice-0001' }, ''],
    [{ 'api-key': 'gk-alice-0001' }, ''],
    [{}, '?key=gk-alice-0001'],
    [{}, '?alt=sse&key=gk%2Dalice-0001'],
    [{}, '?k%65y=gk-alice-0001&a=1'],
    [{ authorization: ' ' }, '?key=gk-alice-0001'],
    [{ authorization: 'Bearer gk-bob-00002' }, '?key=gk-alice-0001'],
    [{ authorization: 'Bearer gk-bob-00002', 'x-api-key': 'gk-alice-0001' }, ''],
  ])("has it swapped for the service's own: %o %s", async (headers, query) => {
    const { answer, headers: got, text } = await seen(through, headers, query);
    expect(answer.status).toBe(200);
    expect(got.authorization).toBe('Bearer sk-of-the-service');
    expect(text).not.toMatch(/gk-|gk%2D/i);
    for (const name of KEY_HEADERS.slice(1)) expect(got[name], name).toBeUndefined();
  });

  it("keeps it to itself when a provider's key came along", async () => {
    const { headers, text } = await seen(through, { authorization: 'Bearer sk-own' }, '?key=gk-alice-0001&b=2');
    expect(headers.authorization).toBe('Bearer sk-own');
    expect(text).not.toContain('gk-');
    expect(text).toContain('/v1/x?b=2');
  });

  it.each([
    [{ 'x-api-key': ['sk-own', 'gk-alice-0001'] }, 'x-api-key'],
    [{ authorization: 'Bearer sk-own, Bearer gk-alice-0001' }, 'authorization'],
  ])('does not go out beside another: %o', async (headers, param) => {
    const { answer, url } = await seen(through, headers);
    expect(answer.status).toBe(400);
    expect(jsonOf(answer)).toMatchObject({ error: { code: 'invalid_request', param } });
    expect(url).toBeUndefined();
  });

  it('a credential may have commas in it', async () => {
    const authorization = 'AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c';
    expect((await seen(through, { authorization })).headers.authorization).toBe(authorization);
  });

  it('a key that only resembles one is the caller’s own', async () => {
    const { headers } = await seen(through, { authorization: 'Bearer gk-alice-0002' });
    expect(headers.authorization).toBe('Bearer gk-alice-0002');
  });

  it('no key is in the log', async () => {
    await seen(through, { authorization: 'Bearer sk-own-key' }, '?key=gk-alice-0001');
    await seen(through, {}, '?key=AIza-secret');
    expect(through.gateway.lines.join('\n')).not.toMatch(/gk-alice|sk-o|AIza/);
    expect(through.gateway.lines.join('\n')).toContain('caller=key:alice');
  });
});

describe('the header that a service takes its key in', () => {
  it.each([
    ['x-api-key', 'x-api-key', 'sk-s'],
    ['x-goog-api-key', 'x-goog-api-key', 'sk-s'],
    ['authorization', 'authorization', 'Bearer sk-s'],
  ])('%s', async (keyHeader, name, value) => {
    const through = await start({ GATEWAY_KEYS, SPECIAL: 'sk-s' }, { keyHeader, apiKeyEnv: 'SPECIAL' });
    expect((await seen(through, { authorization: 'Bearer gk-alice-0001' })).headers[name]).toBe(value);
    await through.stop();
  });

  it('OpenAI-compatible paths of other providers take it as OpenAI does', async () => {
    const through = await start({ GATEWAY_KEYS, LOCAL_API_KEY: 'sk-s' }, { keyHeader: 'x-api-key' });
    await send(through.gateway.url, '/gateway/local/v1/chat/completions', {
      method: 'POST',
      headers: { 'x-api-key': 'gk-alice-0001' },
    });
    expect(through.upstream.received.at(-1)?.headers).toMatchObject({ authorization: 'Bearer sk-s' });
    await through.stop();
  });

  it('a service without a key in the environment says so, and is not called', async () => {
    const through = await start({ GATEWAY_KEYS });
    const { answer, url } = await seen(through, { authorization: 'Bearer gk-alice-0001' });
    expect(answer.status).toBe(503);
    expect(answer.headers['x-should-retry']).toBe('false');
    expect(jsonOf(answer)).toMatchObject({ error: { code: 'service_key_missing', param: 'LOCAL_API_KEY' } });
    expect(url).toBeUndefined();
    await through.stop();
  });
});

describe('ALLOW_ENV_API_KEY', () => {
  it("gives callers without a credential the service's key, and leaves the others theirs", async () => {
    const through = await start({ ALLOW_ENV_API_KEY: 'true', LOCAL_API_KEY: 'sk-of-the-service' });
    expect((await seen(through, {})).headers.authorization).toBe('Bearer sk-of-the-service');
    expect((await seen(through, { authorization: 'Bearer sk-own' })).headers.authorization).toBe('Bearer sk-own');
    await through.stop();
  });
});

describe('REQUIRE_GATEWAY_KEY', () => {
  let through: Through;
  beforeAll(async () => {
    const env = { REQUIRE_GATEWAY_KEY: 'true', ALLOW_ENV_API_KEY: 'true', GATEWAY_KEYS, LOCAL_API_KEY: 'sk-s' };
    through = await start(env);
  });
  afterAll(() => through.stop());

  it.each([{}, { authorization: 'Bearer sk-own' }, { 'x-api-key': 'gk-alice-000' }])('refuses %o', async (headers) => {
    const { answer, url } = await seen(through, headers);
    expect(answer.status).toBe(401);
    expect(jsonOf(answer)).toMatchObject({ error: { type: 'UNAUTHORIZED', code: 'gateway_key_required' } });
    expect(url).toBeUndefined();
  });

  it('lets a gateway key in, and health for everybody', async () => {
    expect((await seen(through, { 'x-api-key': 'gk-bob-00002' })).answer.status).toBe(200);
    expect((await send(through.gateway.url, '/health')).status).toBe(200);
  });
});
