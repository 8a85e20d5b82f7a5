import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GatewayError } from '../../lib/http/errors.ts';
import { type ServedGateway, serve } from '../../lib/server.ts';
import { errorOf, exchange, lines } from '../harness/raw.ts';

/** Connections that are held by sending next to nothing. */
describe('who takes too long to send a request', () => {
  let server: ServedGateway;
  const read: string[] = [];
  beforeAll(async () => {
    const answer = async (request: Request) => {
      read.push(await request.text().catch(() => 'broken off'));
      return new Response('read');
    };
    const patience = { headersTimeout: 200, requestTimeout: 400, lookEvery: 50 };
    server = await serve(answer, { host: '127.0.0.1', port: 0, ...patience });
  });
  afterAll(() => server.stop(0));

  it.each([
    ['nothing at all', ''],
    ['half a line', 'POST / HT'],
    ['a head without its end', lines('POST / HTTP/1.1', 'Host: a', 'X-A: 1', '')],
  ])('is cut off in time: %s', async (_what, bytes) => {
    const [answer] = await exchange(server.url, bytes);
    expect([answer?.status, errorOf(answer).code]).toEqual([408, 'request_timeout']);
    expect(answer?.headers.get('connection')).toBe('close');
  });

  it('is cut off in time: a body that stands still', async () => {
    const [answer] = await exchange(server.url, lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 9', '', 'half'));
    expect([answer?.status, errorOf(answer).code]).toEqual([408, 'request_timeout']);
    expect(read).toEqual(['broken off']);
  });
});

describe('a fault of what stands behind the server', () => {
  it.each([
    ['at once', () => fail()],
    ['later', async () => fail()],
  ])('is told as one, not as a bad request: %s', async (_when, answer) => {
    const server = await serve(answer, { host: '127.0.0.1', port: 0 });
    const [told] = await exchange(server.url, lines('GET / HTTP/1.1', 'Host: a', 'Connection: close', '', ''));
    expect([told?.status, errorOf(told).code]).toEqual([500, 'internal']);
    await server.stop(0);
  });
});

function fail(): never {
  throw new GatewayError('unavailable', { message: 'a secret of the fault' });
}
