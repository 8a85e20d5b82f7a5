import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startThrough, type Through } from '../harness/through.ts';
import { jsonOf, send } from '../harness/wire.ts';

describe('doors', () => {
  let through: Through;
  beforeAll(async () => {
    through = await startThrough(
      ({ url }, response) => void (url === '/fail' ? response.destroy() : response.end('{}')),
      {
        env: { ENABLE_RETRY: 'false' },
      },
    );
  });
  afterAll(() => through.stop());
  const call = (method: string, path: string, headers: Record<string, string> = {}) =>
    send(through.gateway.url, path, { method, headers });

  it.each(['/nowhere', '/api/nowhere', '/gateway', '/gateway/', '/v1', '/v2/models', '/api/worker/other'])(
    'there is nothing at %s',
    async (path) => {
      const answer = await call('POST', path);
      expect(answer.status).toBe(404);
      expect(jsonOf(answer)).toMatchObject({ error: { type: 'NOT_FOUND', code: 'not_found' }, status: 404 });
    },
  );

  it.each(['unheard-of', '__proto__', 'constructor', 'LOCAL', '%6cocal2'])('there is no service %s', async (name) => {
    const answer = await call('GET', `/gateway/${name}/v1/models`);
    expect(answer.status).toBe(404);
    expect(jsonOf(answer)).toMatchObject({ error: { type: 'NOT_FOUND', code: 'service_not_found' } });
  });

  it.each([
    ['GET', '/api/chat', 'POST'],
    ['DELETE', '/api/chat', 'POST'],
    ['POST', '/api/models', 'GET, HEAD'],
    ['POST', '/api/status', 'GET, HEAD'],
    ['POST', '/health', 'GET, HEAD'],
    ['PUT', '/gateway/health', 'GET, HEAD'],
  ])('%s %s is not taken', async (method, path, allow) => {
    const answer = await call(method, path);
    expect([answer.status, answer.headers['allow']]).toEqual([405, allow]);
    expect(jsonOf(answer)).toMatchObject({ error: { type: 'INVALID_REQUEST', code: 'method_not_allowed' } });
  });

  it.each(['/health', '/gateway/health', '/api/status'])('%s answers GET and HEAD', async (path) => {
    expect((await call('GET', path)).status).toBe(200);
    expect(await call('HEAD', path)).toMatchObject({ status: 200, body: Buffer.alloc(0) });
  });

  it.each([
    '/../package.json',
    '/%2e%2e/package.json',
    '/..%2fpackage.json',
    '/..%5cpackage.json',
    '/.env',
    '/.data/secret',
    '/public/app.js',
    '/lib/start.ts',
    '/node_modules/zod/package.json',
    '/app.js%00.html',
    '//etc/passwd',
    '/%2fetc%2fpasswd',
    '/%',
  ])('no file is there but the page’s: %s', async (path) => {
    const answer = await call('GET', path);
    expect(answer.status).toBe(404);
    expect(jsonOf(answer)).toMatchObject({ error: { code: 'not_found' } });
  });

  it.each(['bytes=9-0', 'bytes=99999999-', 'bytes=0-1'])(
    'the page comes whole, whatever is asked for of it: %s',
    async (range) => {
      const answer = await call('GET', '/app.js', { range });
      expect([answer.status, answer.headers['content-range']]).toEqual([200, undefined]);
    },
  );

  it.each([
    ['X-Gateway-Stream', 'sometimes'],
    ['Idempotency-Key', '""'],
    ['Idempotency-Key', 'k'.repeat(256)],
  ])('a bad %s is named, and nothing is called', async (name, value) => {
    const before = through.upstream.received.length;
    const answer = await call('POST', '/v1/chat/completions', { [name]: value });
    expect(answer.status).toBe(400);
    expect(jsonOf(answer)).toMatchObject({ error: { type: 'INVALID_REQUEST', code: 'invalid_request', param: name } });
    expect(through.upstream.received.length).toBe(before);
  });

  it.each([
    ['GET', '/gateway/local/v1/models', 200],
    ['GET', '/gateway/local/fail', 502],
    ['GET', '/health', 200],
    ['GET', '/api/status', 200],
    ['GET', '/nowhere', 404],
    ['GET', '/gateway/unheard-of/x', 404],
    ['GET', '/api/chat', 405],
  ])('%s %s tells how long it took, which way it went, and which call it was', async (method, path, status) => {
    const answer = await call(method, path);
    expect(answer.status).toBe(status);
    expect(answer.headers['x-processing-mode']).toBe('edge');
    expect(answer.headers['x-processing-time']).toMatch(/^\d+$/);
    expect(answer.headers['server-timing']).toMatch(/^gateway;dur=\d+$/);
    expect(answer.headers['x-request-id']).toMatch(/^req_[\w-]{21}$/);
    if (status >= 400) expect(answer.body.toString()).toContain(answer.headers['x-request-id']);
  });

  it('a long path says that it went through the background function', async () => {
    const answer = await call('POST', '/gateway/local/v1/embeddings');
    expect(answer.headers['x-processing-mode']).toBe('background');
  });
});

describe('request ids', () => {
  let through: Through;
  beforeAll(async () => {
    through = await startThrough((_request, response) => void response.end('{}'));
  });
  afterAll(() => through.stop());
  const idOf = async (headers: Record<string, string>) =>
    (await send(through.gateway.url, '/gateway/local/x', { headers })).headers['x-request-id'];

  it.each(['x-request-id', 'x-correlation-id', 'x-trace-id'])('%s is taken over', async (name) => {
    const id = `abc-${name}/1:2=3+4._`;
    expect(await idOf({ [name]: id })).toBe(id);
    expect(through.gateway.lines.some((line) => line.includes(`[${id}] [INFO] call`))).toBe(true);
  });

  it('the first good one of several is taken', async () => {
    expect(await idOf({ 'x-request-id': 'not good', 'x-trace-id': 'good' })).toBe('good');
  });

  it.each(['with space', 'a'.repeat(129), '', 'a]b', '"quoted"', 'caf\u00e9', 'a,b'])('%j is replaced', async (id) => {
    expect(await idOf({ 'x-request-id': id })).toMatch(/^req_[\w-]{21}$/);
  });
});
