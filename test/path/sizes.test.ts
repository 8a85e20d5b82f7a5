import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesIn, type Caller, errorIn, jobIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { type Stand, startStand } from '../harness/stand.ts';

const CHUNK = 262_144;
const MAX_RESULT = 6_000_000;

/** Bytes that compress badly and repeat nowhere near a chunk's length. */
function noise(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let index = 0, state = 1; index < size; index++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[index] = state >>> 16;
  }
  return bytes;
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe.each(compositions)('sizes: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, {
      env: { MAX_REQUEST_SIZE: '6000000', MAX_RESULT_SIZE: String(MAX_RESULT) },
    });
    caller = stand.caller('sk-size-caller');
    stand.on('/echo', ({ body, headers }, response) => {
      response.writeHead(200, { 'content-type': headers['content-type'] ?? 'x/y' }).end(body);
    });
    stand.on('/bytes', ({ url }, response) => {
      const size = Number(new URL(url, 'http://host').searchParams.get('size'));
      response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(noise(size));
    });
  });
  afterAll(() => stand.stop());

  const sendRaw = (body: BodyInit, headers = {}) =>
    caller.send('POST', '/gateway/local/echo', {
      headers: { 'content-type': 'audio/wav', prefer: 'respond-async', ...headers },
      body,
    });

  it('5 MB of binary there and back: the same bytes, their length told to the provider', async () => {
    const body = noise(5_000_000);
    const { id } = await jobIn(await sendRaw(body));
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', response: { size: 5_000_000 } });
    const received = stand.received('/echo').at(-1);
    expect(digest(received?.body ?? Buffer.alloc(0))).toBe(digest(body));
    expect(received?.headers).toMatchObject({ 'content-length': '5000000', 'content-type': 'audio/wav' });
    for (let time = 0; time < 2; time++) {
      const result = await caller.get(`/api/jobs/${id}/result`);
      expect(result.headers.get('content-length')).toBe('5000000');
      expect(digest(await bytesIn(result))).toBe(digest(body));
    }
  });

  it.each([0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1])(
    'a body and a result of %i bytes',
    async (size) => {
      const body = noise(size);
      const { id } = await jobIn(await sendRaw(body));
      expect(await caller.ended(id)).toMatchObject({ status: 'completed', response: { size } });
      expect(digest(stand.received('/echo').at(-1)?.body ?? Buffer.alloc(0))).toBe(digest(body));
      expect(digest(await bytesIn(await caller.get(`/api/jobs/${id}/result`)))).toBe(digest(body));
    },
  );

  it('a result of the largest size is taken, one byte more is told as too large', async () => {
    const most = await caller.submit(`/bytes?size=${MAX_RESULT}`);
    expect(await caller.ended(most.id)).toMatchObject({ status: 'completed', response: { size: MAX_RESULT } });
    const { id } = await caller.submit(`/bytes?size=${MAX_RESULT + 1}`);
    const job = await caller.ended(id);
    expect(job).toMatchObject({ status: 'failed', attempts: 1 });
    expect(job.error).toMatchObject({ type: 'SIZE_LIMIT', code: 'response_too_large' });
    const result = await caller.get(`/api/jobs/${id}/result`);
    expect(result.status).toBe(502);
    expect((await errorIn(result)).code).toBe('response_too_large');
  });

  it('so it is when the provider does not say how much will come', async () => {
    stand.on('/endless', (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      const write = (): void => {
        if (!response.destroyed) response.write(noise(200_000), () => setImmediate(write));
      };
      write();
    });
    const { id } = await caller.submit('/endless');
    expect(await caller.ended(id)).toMatchObject({ status: 'failed', error: { code: 'response_too_large' } });
  });

  it('a request that is too large is refused, native and as POST /api/jobs', async () => {
    const native = await sendRaw(noise(6_000_001));
    expect(native.status).toBe(413);
    expect(await errorIn(native)).toMatchObject({ type: 'SIZE_LIMIT', code: 'request_too_large' });
    const submitted = await caller.post('/api/jobs', { service: 'local', path: '/echo', body: 'x'.repeat(6_000_000) });
    expect(submitted.status).toBe(413);
    expect((await errorIn(submitted)).code).toBe('request_too_large');
  });

  it('so is one that does not say its length, and nothing of it is left', async () => {
    const before = stand.received('/echo').length;
    const status = await new Promise((resolve, reject) => {
      const headers = { ...caller.headers, prefer: 'respond-async', 'content-type': 'audio/wav' };
      const call = httpRequest(`${caller.url}/gateway/local/echo`, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      call.on('error', reject);
      // The gateway may have hung up before all of it is written.
      for (let part = 0; part < 70; part++) call.write(noise(100_000));
      call.end();
    });
    expect(status).toBe(413);
    expect(stand.received('/echo')).toHaveLength(before);
  });

  it('metadata of more than 16 KiB is refused', async () => {
    const request = { service: 'local', path: '/echo', metadata: { text: 'x'.repeat(16_384) } };
    expect((await errorIn(await caller.post('/api/jobs', request))).param).toBe('metadata');
  });

  it('many jobs at once keep their answers apart', async () => {
    stand.on('/apart', async ({ body }, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    });
    const ids = await Promise.all(
      Array.from({ length: 100 }, async (_, n) => (await caller.submit('/apart', { body: { n } })).id),
    );
    for (const [n, id] of ids.entries()) {
      await caller.ended(id);
      expect(await (await caller.get(`/api/jobs/${id}/result`)).text()).toBe(JSON.stringify({ n }));
    }
    expect(stand.received('/apart')).toHaveLength(100);
  });

  it('an answer of many small pieces is stored whole', async () => {
    stand.on('/pieces', async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      for (let n = 0; n < 2_000; n++) response.write(`${n};`);
      response.end();
    });
    const { id } = await caller.submit('/pieces');
    await caller.ended(id);
    const text = await (await caller.get(`/api/jobs/${id}/result`)).text();
    expect(text.split(';').slice(0, -1).map(Number)).toEqual(Array.from({ length: 2_000 }, (_, n) => n));
  });
});
