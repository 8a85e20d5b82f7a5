import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type GatewayProcess, startProcess } from '../harness/child.ts';
import { Caller, jobIn, objectIn } from '../harness/client.ts';
import { type FakeUpstream, startUpstream } from '../harness/upstream.ts';

const MEBIBYTE = 1_048_576;
const SIZE = 64 * MEBIBYTE;
/** What a process takes beside the bytes themselves: buffers on the way, SQLite's pages, garbage not yet collected. */
const SLACK = 128 * MEBIBYTE;

/** The most that the process has held since `work` began, beyond what it held then. Linux: `VmHWM`, set back by writing 5. */
async function growthBy(pid: number, work: () => Promise<void>): Promise<number> {
  const held = (field: string) => {
    const [, kibibytes] = new RegExp(`${field}:\\s*(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kibibytes) * 1024;
  };
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
  const before = held('VmRSS');
  await work();
  return held('VmHWM') - before;
}

describe.skipIf(process.platform !== 'linux')('what a long body takes of memory', { timeout: 60_000 }, () => {
  let dataDir: string;
  let upstream: FakeUpstream;
  let gateway: GatewayProcess;
  let caller: Caller;
  // A process for each: what one has held and let go would hide what the next one takes.
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'memory-'));
    upstream = await startUpstream((_request, response, message) => void message.pipe(response), { raw: true });
    const limit = String(4 * SIZE);
    gateway = await startProcess({
      ...{ DATA_DIR: dataDir, PROXY_CONFIG: upstream.proxyConfig },
      ...{ MAX_REQUEST_SIZE: limit, MAX_RESPONSE_SIZE: limit, MAX_RESULT_SIZE: limit },
    });
    caller = new Caller(gateway.url, { authorization: 'Bearer sk-memory' });
    // What is compiled, opened and allocated once.
    for (let time = 0; time < 20; time++) await caller.ended((await caller.submit('/v1/warm')).id);
  });
  afterEach(async () => {
    await gateway.end('SIGTERM');
    await upstream.stop();
    await rm(dataDir, { recursive: true });
  });

  const native = (body: BodyInit, headers: Record<string, string>) =>
    caller.send('POST', '/gateway/local/v1/things', { headers, body });
  const wav = { 'content-type': 'audio/wav' };
  const json = { 'content-type': 'application/json' };
  const inBackground = { prefer: 'respond-async' };
  const submit = (fields: string) =>
    caller.send('POST', '/api/jobs', { headers: json, body: `{"service":"local","path":"/v1/things",${fields}}` });

  const read = async (response: Response) => {
    expect(response.status).toBe(200);
    let size = 0;
    for await (const part of response.body ?? []) size += part.byteLength;
    expect(size).toBeGreaterThan(0.7 * SIZE);
  };
  const finish = async (response: Response) => {
    const { id } = await jobIn(response);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed' });
    await read(await caller.get(`/api/jobs/${id}/result`));
  };

  it.each<[string, number, () => Promise<void>]>([
    ['a call', 0, async () => read(await native(bytesOf(4 * SIZE), wav))],
    ['raw bytes under a key', 0, async () => read(await native(bytesOf(SIZE), { ...wav, 'idempotency-key': 'a' }))],
    ['a job of raw bytes', 0, async () => finish(await native(bytesOf(SIZE), { ...wav, ...inBackground }))],
    ['JSON under a key', 2, async () => read(await native(jsonOf(SIZE), { ...json, 'idempotency-key': 'b' }))],
    ['a job of JSON', 2, async () => finish(await submit(`"body":${jsonOf(SIZE)}`))],
    ['a job of base64', 2, async () => finish(await submit(`"body_base64":"${'A'.repeat(SIZE)}"`))],
  ])('%s: the body %i times at most', async (_way, times, work) => {
    const growth = await growthBy(gateway.pid, work);
    expect(growth).toBeLessThan(times * SIZE + SLACK);
  });
});

describe.skipIf(process.platform !== 'linux')('a flood of jobs', { timeout: 180_000 }, () => {
  const JOBS = 10_000;
  const WARM = 3_000;
  const SENDERS = 50;

  it('takes no memory with it, is refused beyond what may wait, and loses none that was accepted', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'flood-'));
    const upstream = await startUpstream((_request, response) => void response.end('{}'));
    const gateway = await startProcess({
      ...{ DATA_DIR: dataDir, PROXY_CONFIG: upstream.proxyConfig, LOG_LEVEL: 'ERROR' },
      MAX_QUEUED_JOBS_PER_CALLER: '2000',
    });
    const caller = new Caller(gateway.url, { authorization: 'Bearer sk-flood' });
    const body = { messages: [{ role: 'user', content: 'x'.repeat(2_000) }] };
    const accepted: string[] = [];
    let refused = 0;
    const send = async (number: number) => {
      const request = { service: 'local', path: '/v1/things', body: { ...body, number } };
      const response = await caller.post('/api/jobs', request);
      if (response.status === 202) return void accepted.push((await jobIn(response)).id);
      expect(response.status).toBe(429);
      expect(response.headers.get('retry-after')).toBe('5');
      await response.body?.cancel();
      refused++;
    };
    try {
      const flood = async (jobs: number) => {
        let next = 0;
        const sender = async () => {
          while (next < jobs) await send(next++);
        };
        await Promise.all(Array.from({ length: SENDERS }, sender));
      };
      // The heap that so many senders at once take, however long they send.
      await flood(WARM);
      const growth = await growthBy(gateway.pid, () => flood(JOBS));
      expect(growth).toBeLessThan(SLACK / 2);
      expect(accepted.length + refused).toBe(WARM + JOBS);
      await expect
        .poll(async () => (await objectIn(await caller.get('/api/status')))['jobs'], {
          timeout: 120_000,
          interval: 250,
        })
        .toMatchObject({ queued: 0, in_progress: 0, completed: accepted.length, failed: 0 });
      expect(upstream.received).toHaveLength(accepted.length);
    } finally {
      await gateway.end('SIGTERM');
      await upstream.stop();
      await rm(dataDir, { recursive: true });
    }
  });
});

function bytesOf(size: number): ReadableStream<Uint8Array> {
  let left = size / MEBIBYTE;
  return new ReadableStream({
    pull(controller) {
      if (left-- === 0) controller.close();
      else controller.enqueue(new Uint8Array(MEBIBYTE).fill(left));
    },
  });
}

/** A JSON object of about this many bytes, as a chat with a long history has it. */
function jsonOf(size: number): string {
  const message = `{"role":"user","content":"${'words and more of them, '.repeat(40)}"}`;
  return `{"model":"m","messages":[${Array.from({ length: Math.floor(size / (message.length + 1)) }, () => message).join(',')}]}`;
}
