import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startThrough, type Through, until } from '../harness/through.ts';
import { open, read, send } from '../harness/wire.ts';

const PIECE = Buffer.alloc(65_536, 'x');

/** What becomes of uploads that do not go smoothly. `/early` answers without having read, `/reads` once all is there. */
describe('uploads', () => {
  let through: Through;
  let aborted = 0;
  let arrived = 0;
  beforeAll(async () => {
    through = await startThrough(
      ({ url }, response, message) => {
        message.on('error', () => undefined);
        message.on('close', () => {
          aborted += message.complete ? 0 : 1;
        });
        if (url === '/early')
          return void response.writeHead(401, { 'content-type': 'application/json' }).end('{"a":1}');
        message.on('data', (part: Buffer) => {
          arrived += part.length;
        });
        message.on('end', () => response.end('read'));
      },
      { raw: true },
    );
  });
  afterAll(() => through.stop());

  it.each([1_000_000, 5_000_000])("a provider's answer counts although it has not read the %i bytes", async (size) => {
    const answer = await send(through.gateway.url, '/gateway/local/early', {
      method: 'POST',
      body: Buffer.alloc(size),
    });
    expect([answer.status, answer.body.toString()]).toEqual([401, '{"a":1}']);
  });

  it('that a caller breaks off are broken off at the provider', async () => {
    aborted = 0;
    arrived = 0;
    const { request, head } = open(through.gateway.url, '/gateway/local/reads', {
      method: 'POST',
      headers: { 'content-length': 10_000_000 },
      body: (async function* () {
        while (arrived === 0) {
          yield PIECE;
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        await new Promise((resolve) => request.once('close', resolve));
      })(),
    });
    const ended = head.catch((error: unknown) => error);
    await until(() => arrived > 0, 'the first bytes at the provider');
    request.destroy();
    await until(() => aborted === 1, 'the end at the provider');
    await ended;
  });

  it('may wait to be told to go on', async () => {
    const { request, head } = open(through.gateway.url, '/gateway/local/reads', {
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': 4 },
      body: 'text',
    });
    let told = false;
    request.on('continue', () => {
      told = true;
    });
    expect((await read(await head)).body.toString()).toBe('read');
    expect(told).toBe(true);
  });

  it.each(['QUERY', 'PROPFIND', 'MKCOL', 'PURGE'])('%s is a call like any other', async (method) => {
    const answer = await send(through.gateway.url, '/gateway/local/reads', {
      method,
      headers: { 'content-length': '0' },
    });
    expect(answer.status).toBe(200);
    expect(through.upstream.received.at(-1)?.method).toBe(method);
  });
});
