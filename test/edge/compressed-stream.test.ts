import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { constants, createGunzip, createGzip, type Gzip } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { open, read } from '../harness/wire.ts';
import { type EdgeStand, startEdgeStand } from './stand.ts';

const CHAT = '/gateway/local/v1/chat/completions';
const ASKED = {
  method: 'POST',
  headers: { 'content-type': 'application/json', 'accept-encoding': 'gzip' },
  body: JSON.stringify({ model: 'm', stream: true, messages: [] }),
};

/** What a provider sends that compresses its stream, each event flushed by itself. */
function zipped(response: ServerResponse): Gzip {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' });
  const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH });
  gzip.pipe(response);
  return gzip;
}

/** On Node the bytes are as on the wire: nobody there can tell where an event ends in them. Two seconds are a function's time. */
describe('a compressed event stream in a function', () => {
  let stand: EdgeStand;
  let stream: Gzip | null = null;
  beforeAll(async () => {
    stand = await startEdgeStand(
      (_request, response) => {
        stream = zipped(response);
        stream.write('data: {"n":1}\n\n');
      },
      { env: { FUNCTION_LIMIT: '2000' }, route: () => '/api/gateway/background' },
    );
  });
  afterAll(() => stand.stop());

  it('arrives event by event', async () => {
    const head = await open(stand.gateway.url, CHAT, ASKED).head;
    expect(head.headers['content-encoding']).toBe('gzip');
    const plain = head.pipe(createGunzip());
    for (const n of [1, 2, 3]) {
      const [event] = await once(plain, 'data');
      expect(String(event)).toBe(`data: {"n":${n}}\n\n`);
      // Only now does the provider send the next one.
      if (n < 3) stream?.write(`data: {"n":${n + 1}}\n\n`);
    }
    stream?.end();
    await once(plain, 'end');
  });

  it('is broken off at the limit, no frame in the midst of its coding', async () => {
    const answer = await read(await open(stand.gateway.url, CHAT, ASKED).head);
    expect(answer.complete).toBe(false);
    expect(answer.body.toString('latin1')).not.toContain('function_limit');
    stream?.destroy();
  });
});
