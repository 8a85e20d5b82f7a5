import { describe, expect, it } from 'vitest';
import { readConfig } from '../../lib/config.ts';
import type { Caller, Credential } from '../../lib/http/auth.ts';
import { gather } from '../../lib/http/body.ts';
import { GatewayError } from '../../lib/http/errors.ts';
import { readSubmission } from '../../lib/jobs/request.ts';
import type { JsonObject } from '../../lib/json.ts';

const NOW = 1_000_000_000_000;
const DAY_S = 86_400;
const config = readConfig({});
const callerWith = (credential: Credential): Caller => ({
  credential,
  label: 'test',
  isKnown: true,
  accounts: async () => ['owner'],
  owners: async () => ['owner'],
});
const caller = callerWith({ kind: 'header', name: 'authorization', value: 'Bearer k' });
const identifier = { isGatewayKey: async (text: string) => text === 'GATEWAY' };
const submitting = { caller, identifier, idempotencyKey: null, config, now: NOW, baseUrl: 'https://gateway.example' };
const read = (extra: JsonObject, by = caller) => {
  const json = new TextEncoder().encode(JSON.stringify({ service: 'demo', path: '/v1/x', ...extra }));
  return readSubmission(json, { ...submitting, caller: by });
};
const readSpelled = (fields: string) =>
  readSubmission(new TextEncoder().encode(`{"service":"demo","path":"/v1/x",${fields}}`), submitting);

async function refusal(extra: JsonObject): Promise<GatewayError> {
  const reason: unknown = await read(extra).then(
    () => null,
    (error: unknown) => error,
  );
  if (!(reason instanceof GatewayError)) throw new Error('it was not refused');
  return reason;
}

describe('what is refused, by its name', () => {
  it.each<[string, JsonObject]>([
    ['service', { service: 7 }],
    ['service', { service: 'nobody' }],
    ['service', { service: 'constructor' }],
    ['path', { path: 7 }],
    ['path', { path: '' }],
    ['path', { path: 'v1/x' }],
    ['path', { path: 'https://evil.example/' }],
    ['path', { path: '/a b' }],
    ['path', { path: '/é' }],
    ['path', { path: '/a\r\nHost: evil' }],
    ['method', { method: 'TRACE' }],
    ['method', { method: 'post' }],
    ['headers', { headers: 'x' }],
    ['headers.bad name', { headers: { 'bad name': 'x' } }],
    ['headers.x-bad', { headers: { 'x-bad': 'a\r\nb: c' } }],
    ['headers.x-bad', { headers: { 'x-bad': 7 } }],
    ['body_base64', { body_base64: 'not base64!' }],
    ['body_base64', { body: {}, body_base64: 'AAAA' }],
    ['metadata', { metadata: 'text' }],
    ['metadata', { metadata: [] }],
    ['metadata', { metadata: { text: 'é'.repeat(8_192) } }],
    ['webhook', { webhook: 'https://hooks.example/x' }],
    ['delay_s', { delay_s: -1 }],
    ['delay_s', { delay_s: 1.5 }],
    ['delay_s', { delay_s: '5' }],
    ['delay_s', { delay_s: 7 * DAY_S + 1 }],
    ['not_before', { not_before: -1 }],
    ['not_before', { not_before: NOW / 1000 + 7 * DAY_S + 1 }],
    ['not_before', { not_before: 1, delay_s: 1 }],
    ['retries', { retries: -1 }],
    ['retries', { retries: 21 }],
    ['retries', { retries: null }],
    ['timeout_s', { timeout_s: 0 }],
    ['timeout_s', { timeout_s: DAY_S + 1 }],
    ['cancel_after_s', { cancel_after_s: 0 }],
    ['cancel_after_s', { cancel_after_s: 7 * DAY_S + 1 }],
    ['ttl_s', { ttl_s: 0 }],
    ['ttl_s', { ttl_s: 7 * DAY_S + 1 }],
    ['surplus', { surplus: 1 }],
  ])('%s: %j', async (param, extra) => {
    expect(await refusal(extra)).toMatchObject({ code: 'invalid_request', status: 400, param });
  });

  it('a missing service or path', async () => {
    expect((await refusal({ service: undefined })).param).toBe('service');
    expect((await refusal({ path: undefined })).param).toBe('path');
  });

  it('an unknown name comes back in param, cut, and never in the sentence', async () => {
    const error = await refusal({ [`secret${'x'.repeat(200)}`]: 1 });
    expect(error.param).toHaveLength(100);
    expect(error.message).not.toContain('secret');
  });

  it.each<[JsonObject, string]>([
    [{ service: 7 }, 'service must be a string.'],
    [{ service: undefined }, 'service is missing.'],
    [{ retries: 21 }, 'retries must be at most 20.'],
    [{ ttl_s: 0 }, 'ttl_s must be at least 1.'],
    [{ headers: { 'bad name': 'x' } }, 'headers is not valid.'],
    [
      { metadata: { a: JSON.parse(`${'['.repeat(500)}${']'.repeat(500)}`) } },
      'metadata must not be nested deeper than 100.',
    ],
  ])('%#: in a sentence of our own', async (extra, message) => {
    expect((await refusal(extra)).message).toBe(message);
  });

  it('never quotes what was sent', async () => {
    const { message } = await refusal({ webhook: 'https://quoted.example' });
    expect(message).not.toContain('quoted');
  });

  it('a gateway key where the service has no key of its own', async () => {
    const withKey = callerWith({ kind: 'service', required: true });
    await expect(read({ service: 'openai' }, withKey)).rejects.toMatchObject({ code: 'service_key_missing' });
  });
});

describe('what is taken', () => {
  it('the least: defaults for all else', async () => {
    const submission = await read({});
    expect(submission).toMatchObject({ method: 'POST', target: '/v1/x', body: { kind: 'none' }, asked: null });
    expect(submission.options).toEqual({
      ...{ retries: 3, inPlace: false, timeoutMs: config.jobTimeout, ttlMs: config.jobTtl, dueAt: NOW, cancelAt: null },
      ...{ metadata: {}, webhook: null },
    });
  });

  it('a webhook that is null, as none', async () => {
    expect(await read({ webhook: null })).toMatchObject({ options: { webhook: null } });
  });

  it('a webhook, where the gateway can sign it', async () => {
    const signing = readConfig({ WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 1).toString('base64')}` });
    const json = new TextEncoder().encode('{"service":"demo","path":"/v1/x","webhook":"https://hooks.example/x"}');
    const { options } = await readSubmission(json, { ...submitting, config: signing });
    expect(options.webhook).toEqual({ url: 'https://hooks.example/x', baseUrl: 'https://gateway.example' });
  });

  it.each([0, 1, 2, 49_151, 49_152, 49_153, 49_154, 5_000_000])('a body_base64 of %i bytes', async (size) => {
    const bytes = Buffer.from(Array.from({ length: size }, (_, index) => (index * 31) & 0xff));
    const { body } = await read({ body_base64: bytes.toString('base64') });
    expect(bytes.equals(await gather(body))).toBe(true);
  });

  it('a body_base64 whose slashes are escaped, as PHP does', async () => {
    const { body } = await readSpelled(String.raw`"body_base64":"\/\/8="`);
    expect(await gather(body)).toEqual(Uint8Array.from([255, 255]));
  });

  it('a body as it is spelled: no number is rounded, no byte changed, and what it asks for is known', async () => {
    const spelled = String.raw`{ "seed": 12345678901234567890.0, "model":"m", "x":"\u0041",  "model":"last","stream" : true}`;
    const { body, asked } = await readSpelled(`"body":${spelled}`);
    expect(new TextDecoder().decode(await gather(body))).toBe(spelled);
    expect(asked).toEqual({ model: 'last', stream: true, includeUsage: false });
  });

  it('the last of two bodies, as JSON.parse has it', async () => {
    const { body } = await readSpelled('"body":1,"body":2');
    expect(new TextDecoder().decode(await gather(body))).toBe('2');
  });

  it('fields of 1 MiB together beside the body, and not a byte more', async () => {
    const [service, path, quotes] = ['"demo"', '"/v1/x"', '""'];
    const most = 'x'.repeat(1_048_576 - `${service}${path}${quotes}`.length);
    const refused = (message: string) => ({ param: 'unknown', message: expect.stringContaining(message) });
    await expect(readSpelled(`"unknown":"${most}"`)).rejects.toMatchObject(refused('no field'));
    await expect(readSpelled(`"unknown":"${most}x"`)).rejects.toMatchObject(refused('1048576 bytes'));
  });

  it('nothing that is no JSON object', async () => {
    for (const text of ['', '[]', '{"service":"demo"', '{"body":{"a":1,}}']) {
      const bytes = new TextEncoder().encode(text);
      await expect(readSubmission(bytes, submitting)).rejects.toMatchObject({ code: 'invalid_json' });
    }
  });

  it('every option, in milliseconds', async () => {
    const all = { delay_s: 5, retries: 0, timeout_s: 7, cancel_after_s: 9, ttl_s: 11 };
    const { options } = await read({ ...all, metadata: { a: 1 } });
    expect(options).toEqual({
      ...{ retries: 0, inPlace: false, timeoutMs: 7_000, ttlMs: 11_000, dueAt: NOW + 5_000, cancelAt: NOW + 9_000 },
      ...{ metadata: { a: 1 }, webhook: null },
    });
  });

  it('a time that has passed is now', async () => {
    expect((await read({ not_before: 1 })).options.dueAt).toBe(NOW);
    expect((await read({ not_before: NOW / 1000 + 60 })).options.dueAt).toBe(NOW + 60_000);
  });

  it.each<[JsonObject, string, string | null]>([
    [{ body: { a: 1 } }, '{"a":1}', 'application/json'],
    [{ body: [1] }, '[1]', 'application/json'],
    [{ body: null }, 'null', 'application/json'],
    [{ body: 'text é' }, 'text é', 'text/plain; charset=utf-8'],
    [{ body_base64: 'aGk=' }, 'hi', null],
    [{ body: {}, headers: { 'Content-Type': 'application/x+json' } }, '{}', 'application/x+json'],
    [{ body: '' }, '', 'text/plain; charset=utf-8'],
  ])('a body: %j', async (extra, text, type) => {
    const { body, headers } = await read(extra);
    expect(new TextDecoder().decode(await gather(body))).toBe(text);
    expect(headers.get('content-type')).toBe(type);
  });

  it.each([
    ['/a/../../b', '/b'],
    ['/a/%2e%2e/%2E%2E/b', '/b'],
    ['//evil.example/x', '//evil.example/x'],
    ['/\\evil.example', '//evil.example'],
    ['/a?b=/../c#d', '/a?b=/../c'],
    ['/@evil.example', '/@evil.example'],
  ])('a path as a client would send it: %s', async (path, target) => {
    expect((await read({ path })).target).toBe(target);
  });

  it('headers without those that are not a caller to send', async () => {
    const headers = { Host: 'evil', Authorization: 'Bearer other', Cookie: 'c', 'X-Mine': 'yes' };
    expect(Array.from((await read({ headers })).headers)).toEqual([['x-mine', 'yes']]);
  });
});

describe('a key in the path', () => {
  const path = '/v1/x?a=1&key=K&b=%20';

  it('is the credential of a caller who brings no other', async () => {
    const callers = [callerWith({ kind: 'none' }), callerWith({ kind: 'service', required: false })];
    for (const by of callers) {
      const { target, credential } = await read({ path }, by);
      expect(target).toBe('/v1/x?a=1&b=%20');
      expect(credential).toEqual({ kind: 'query', value: 'K' });
    }
    const only = await read({ path: '/v1/x?key=K' }, callerWith({ kind: 'none' }));
    expect(only.target).toBe('/v1/x');
  });

  it('is left alone where the caller brings another', async () => {
    const callers = [caller, callerWith({ kind: 'service', required: true })];
    for (const by of callers) {
      const submission = await read({ path }, by);
      expect(submission.target).toBe(path);
      expect(submission.credential).toBe(by.credential);
    }
  });

  it('goes where it is a key of the gateway, whoever sends it', async () => {
    for (const by of [caller, callerWith({ kind: 'none' })]) {
      const submission = await read({ path: '/v1/x?key=GATEWAY&a=1' }, by);
      expect(submission).toMatchObject({ target: '/v1/x?a=1', credential: by.credential });
    }
  });

  it('is none where it is empty or named otherwise', async () => {
    for (const other of ['/v1/x', '/v1/x?key=', '/v1/x?apikey=K']) {
      const submission = await read({ path: other }, callerWith({ kind: 'none' }));
      expect(submission).toMatchObject({ target: other, credential: { kind: 'none' } });
    }
  });
});
