import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startThrough, type Through, until } from '../harness/through.ts';
import { open, read } from '../harness/wire.ts';

const MEBIBYTE = 1_048_576;
const SIZE = 20 * MEBIBYTE;
const PIECE = Buffer.alloc(MEBIBYTE / 4, 'x');
/** What may wait in sockets and streams on the way: kernel buffers on loopback are a few MiB in each direction. */
const ON_THE_WAY = 12 * MEBIBYTE;

/** Upload: counts what comes. Download: writes as fast as it may, and counts that. */
describe('long bodies', () => {
  let through: Through;
  let arrived = 0;
  let written = 0;
  let paused = false;
  let incoming: IncomingMessage | null = null;
  function* pieces() {
    for (; written < SIZE; written += PIECE.length) yield PIECE;
  }

  beforeAll(async () => {
    through = await startThrough(
      ({ method }, response, message) => {
        if (method === 'POST') {
          incoming = message;
          message.on('data', (part: Buffer) => {
            arrived += part.length;
          });
          if (paused) message.pause();
          message.on('end', () => response.end('stored'));
          return;
        }
        response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': SIZE });
        Readable.from(pieces(), { objectMode: false }).pipe(response);
      },
      { raw: true, env: { MAX_RESPONSE_SIZE: String(SIZE) } },
    );
  });
  afterAll(() => through.stop());

  it('an upload of 20 MiB begins to arrive before it has all been sent', async () => {
    arrived = 0;
    let sent = 0;
    let seenBeforeTheEnd = false;
    const source = async function* () {
      for (; sent < SIZE; sent += PIECE.length) {
        if (sent === SIZE / 2) {
          await until(() => arrived > 0, 'the first bytes at the provider');
          seenBeforeTheEnd = true;
        }
        yield PIECE;
      }
    };
    const rss = process.memoryUsage().rss;
    const { head } = open(through.gateway.url, '/gateway/local/upload', { method: 'POST', body: source() });
    expect((await read(await head)).body.toString()).toBe('stored');
    expect([seenBeforeTheEnd, arrived]).toEqual([true, SIZE]);
    // Client, gateway and provider share this process; a gathered body alone would be 20 MiB in each of several copies.
    expect(process.memoryUsage().rss - rss).toBeLessThan(100 * MEBIBYTE);
  });

  it('a provider that does not read holds the caller back', async () => {
    arrived = 0;
    paused = true;
    let sent = 0;
    const source = async function* () {
      for (; sent < 4 * SIZE; sent += PIECE.length) yield PIECE;
    };
    const { request, head } = open(through.gateway.url, '/gateway/local/upload', { method: 'POST', body: source() });
    const refused = head.catch((error: unknown) => error);
    await until(() => incoming !== null && sent > 0, 'the call');
    await settled(() => sent);
    expect(sent).toBeLessThan(2 * ON_THE_WAY);
    request.destroy();
    await refused;
    paused = false;
  });

  it('a download of 20 MiB comes whole, and begins before the provider has ended', async () => {
    written = 0;
    const head = await open(through.gateway.url, '/gateway/local/file').head;
    expect(head.headers['content-length']).toBe(String(SIZE));
    const { body, complete } = await read(head);
    expect([body.length, complete]).toEqual([SIZE, true]);
  });

  it('a caller who does not read holds the provider back', async () => {
    written = 0;
    const { head, request } = open(through.gateway.url, '/gateway/local/file');
    const message = await head;
    message.pause();
    await settled(() => written);
    expect(written).toBeLessThan(ON_THE_WAY);
    request.destroy();
  });
});

/** Resolves once a count has stood still for a while. */
async function settled(count: () => number): Promise<void> {
  let last = -1;
  while (count() !== last) {
    last = count();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
