import { once } from 'node:events';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Caller } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { transports } from '../harness/edge.ts';
import { type Stand, startStand } from '../harness/stand.ts';
import { startThrough, type Through } from '../harness/through.ts';
import { open, post, read } from '../harness/wire.ts';

const MEBIBYTE = 1_048_576;
/** What a bomb comes to. */
const BURST = 128 * MEBIBYTE;
/** What an answer may be, and so about what may be in memory of one. */
const LIMIT = MEBIBYTE;
/** Beside the answer: buffers on the way, and garbage that is not yet collected. */
const SLACK = 48 * MEBIBYTE;

const plain = Buffer.alloc(BURST, 'data: {"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}\n\n');
const BOMBS = {
  gzip: gzipSync(plain, { level: 9 }),
  br: brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }),
};
const WAYS = [
  ['native', { messages: [] }, {}],
  ['native stream', { messages: [], stream: true }, {}],
  ['fake stream', { messages: [], stream: true }, { 'x-gateway-stream': 'replay' }],
  ['collected', { messages: [] }, { 'x-gateway-stream': 'collect' }],
] as const;
const CODINGS = ['gzip', 'br'] as const;
const env = { MAX_RESPONSE_SIZE: String(LIMIT), CHUNK_DELAY_MS: '0', ENABLE_RETRY: 'false' };

/** The most that the process has held outside of its heap while `work` went on, beyond what it held before. */
async function growthBy(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage().arrayBuffers;
  let most = before;
  const look = setInterval(() => {
    most = Math.max(most, process.memoryUsage().arrayBuffers);
  }, 5);
  await work();
  clearInterval(look);
  return most - before;
}

describe.each(transports)('a small answer that comes to much when it is decoded: %s', (_via, start) => {
  let through: Through;
  beforeAll(async () => {
    through = await startThrough(
      ({ url }, response) => {
        const coding = url.includes('br') ? 'br' : 'gzip';
        const type = url.includes('events') ? 'text/event-stream' : 'application/json';
        response.writeHead(200, { 'content-type': type, 'content-encoding': coding }).end(BOMBS[coding]);
      },
      { start, env },
    );
  });
  afterAll(() => through.stop());

  it.each(WAYS.flatMap((way) => CODINGS.map((coding) => [...way, coding] as const)))(
    '%s %o %o in %s: no more than its limit is ever there of it',
    async (_way, body, headers, coding) => {
      for (const type of ['json', 'events']) {
        const path = `/gateway/local/${coding}/${type}/v1/chat/completions`;
        let size = 0;
        const growth = await growthBy(async () => {
          size = (await post(through.gateway.url, path, body, headers)).body.length;
        });
        expect(size).toBeLessThan(2 * LIMIT);
        expect(growth).toBeLessThan(SLACK);
      }
    },
  );
});

describe.each(compositions)('a bomb as the answer of a job: $name', ({ start }) => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await startStand(start, { env });
  });
  afterAll(() => stand.stop());

  it.each(CODINGS)('is stored and given as the bytes that it is: %s', async (coding) => {
    const caller = new Caller(stand.gateway.url, { authorization: 'Bearer sk-of-bombs' });
    const path = stand.on(`/${coding}/v1/chat/completions`, (_request, response) => {
      const headers = { 'content-type': 'application/json', 'content-encoding': coding };
      response.writeHead(200, headers).end(BOMBS[coding]);
    });
    const growth = await growthBy(async () => {
      const { id } = await caller.submit(path, { body: { messages: [] } });
      const job = await caller.ended(id);
      expect(job.response?.size).toBe(BOMBS[coding].length);
      for (const name of ['result', 'stream']) {
        const { head } = open(stand.gateway.url, `/api/jobs/${id}/${name}`, { headers: { ...caller.headers } });
        const answer = await read(await head);
        expect(answer.body.length).toBeLessThan(2 * LIMIT);
        if (name === 'result') expect(answer.body.equals(BOMBS[coding])).toBe(true);
      }
    });
    expect(growth).toBeLessThan(SLACK);
  });
});

describe('a compressed request', () => {
  it('passes as the bytes that it is, and is looked into by nobody', async () => {
    const through = await startThrough((_request, response) => void response.end('{}'), { env });
    const growth = await growthBy(async () => {
      const { request, head } = open(through.gateway.url, '/gateway/local/v1/chat/completions', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
        body: BOMBS.gzip,
      });
      await once(request, 'finish');
      expect((await read(await head)).status).toBe(200);
    });
    expect(growth).toBeLessThan(SLACK);
    expect(through.upstream.received[0]).toMatchObject({ headers: { 'content-encoding': 'gzip' } });
    expect(through.upstream.received[0]?.body.equals(BOMBS.gzip)).toBe(true);
    await through.stop();
  });
});
