import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compositions } from '../harness/compositions.ts';
import type { RunningGateway } from '../harness/gateway.ts';
import { type FakeUpstream, startUpstream } from '../harness/upstream.ts';

const SIZE = 50 * 1024 * 1024;
const LIMIT = String(64 * 1024 * 1024);

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe.each(compositions)('50 MB there and back: $name', ({ start }) => {
  const body = randomBytes(SIZE);
  let upstream: FakeUpstream;
  let gateway: RunningGateway;
  beforeAll(async () => {
    upstream = await startUpstream(({ headers, body: received }, response) => {
      response.setHeader('content-type', headers['content-type'] ?? '').end(received);
    });
    gateway = await start({ env: { PROXY_CONFIG: upstream.proxyConfig, MAX_RESPONSE_SIZE: LIMIT } });
  });
  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  const send = (headers: Record<string, string>) =>
    fetch(`${gateway.url}/gateway/local/v1/audio/echo`, {
      method: 'POST',
      headers: { 'content-type': 'audio/wav', ...headers },
      body,
    });

  it('in the background function: every byte unchanged', { timeout: 60_000 }, async () => {
    const response = await send({});
    expect(response.headers.get('x-processing-mode')).toBe('background');
    expect(digest(await response.bytes())).toBe(digest(body));
    expect(upstream.received.at(-1)?.headers['content-length'] ?? 'chunked').toMatch(/^(52428800|chunked)$/);
  });

  it('as a job: every byte unchanged, as often as it is read', { timeout: 60_000 }, async () => {
    const response = await send({ prefer: 'respond-async' });
    expect(response.status).toBe(202);
    const { id, urls } = await response.json();
    const job = await (await fetch(`${gateway.url}/api/jobs/${id}?wait=50`)).json();
    expect(job).toMatchObject({
      status: 'completed',
      response: { status: 200, content_type: 'audio/wav', size: SIZE },
    });
    for (let time = 0; time < 2; time++) {
      const result = await fetch(urls.result);
      expect(result.headers.get('content-length')).toBe(String(SIZE));
      expect(digest(await result.bytes())).toBe(digest(body));
    }
  });
});
