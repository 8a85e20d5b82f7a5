import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { transports } from '../harness/edge.ts';
import { startThrough, type Through } from '../harness/through.ts';
import type { Handler } from '../harness/upstream.ts';
import { jsonOf, send } from '../harness/wire.ts';

const LIMIT = 10_000;

describe.each(transports)('MAX_RESPONSE_SIZE: %s', (_via, start) => {
  let through: Through;
  beforeAll(async () => {
    through = await startThrough(
      ({ url }, response) => {
        const [, kind, size] = url.split('/');
        const body = Buffer.alloc(Number(size), 'x');
        if (kind === 'declared') response.writeHead(200, { 'content-length': body.length });
        else response.writeHead(200, { 'content-type': 'text/plain' }).write(body.subarray(0, 5_000));
        response.end(kind === 'declared' ? body : body.subarray(5_000));
      },
      { start, env: { MAX_RESPONSE_SIZE: String(LIMIT) } },
    );
  });
  afterAll(() => through.stop());
  const get = (path: string, method = 'GET') => send(through.gateway.url, `/gateway/local${path}`, { method });

  it.each(['declared', 'undeclared'])('an answer of exactly that size passes, %s', async (kind) => {
    const { body, complete } = await get(`/${kind}/${LIMIT}`);
    expect([body.length, complete]).toEqual([LIMIT, true]);
  });

  it('one byte more is refused where it is declared', async () => {
    const answer = await get(`/declared/${LIMIT + 1}`);
    expect([answer.status, answer.headers['x-should-retry']]).toEqual([502, 'false']);
    expect(jsonOf(answer)).toMatchObject({ error: { type: 'SIZE_LIMIT', code: 'response_too_large' } });
  });

  it('and breaks the answer off where it is not, with a line in the log', async () => {
    const { status, body, complete, headers } = await get(`/undeclared/${LIMIT + 1}`);
    expect([status, complete]).toEqual([200, false]);
    expect(body.length).toBeLessThanOrEqual(LIMIT);
    const line = through.gateway.lines.find((each) => each.includes(`${headers['x-request-id']}] [WARN]`));
    expect(line).toContain('response_too_large');
  });

  it('the length that HEAD tells is nobody’s body', async () => {
    const { status, headers } = await get(`/declared/${LIMIT + 1}`, 'HEAD');
    expect([status, headers['content-length']]).toEqual([200, String(LIMIT + 1)]);
  });

  it("a service's own limit goes first", async () => {
    const other = await startThrough((_request, response) => void response.end(Buffer.alloc(LIMIT)), {
      start,
      env: { MAX_RESPONSE_SIZE: '10' },
      service: { maxResponseSize: LIMIT },
    });
    expect((await send(other.gateway.url, '/gateway/local/x')).body.length).toBe(LIMIT);
    await other.stop();
  });
});

describe.each([
  ['small', 10_000],
  ['long, passed on as it comes', 2_000_000],
])('MAX_REQUEST_SIZE: %s', (_name, limit) => {
  let through: Through;
  beforeAll(async () => {
    const answered: Handler = (_request, response, message) => {
      message.on('error', () => undefined);
      message.on('end', () => response.end('ok')).resume();
    };
    through = await startThrough(answered, { raw: true, env: { MAX_REQUEST_SIZE: String(limit) } });
  });
  afterAll(() => through.stop());

  /** With its length told, or in chunks without one. */
  const upload = (size: number, kind: string) => {
    const chunks = async function* () {
      for (let at = 0; at < size; at += 4_096) yield Buffer.alloc(Math.min(4_096, size - at));
    };
    const body = kind === 'declared' ? Buffer.alloc(size) : chunks();
    return send(through.gateway.url, '/gateway/local/x', { method: 'POST', body });
  };

  it.each(['declared', 'chunked'])('exactly that many bytes pass, %s', async (kind) => {
    expect((await upload(limit, kind)).status).toBe(200);
  });

  it.each(['declared', 'chunked'])('one byte more is refused in the one shape, %s', async (kind) => {
    const answer = await upload(limit + 1, kind);
    expect(answer.status).toBe(413);
    expect(jsonOf(answer)).toMatchObject({ error: { type: 'SIZE_LIMIT', code: 'request_too_large' }, status: 413 });
  });
});
