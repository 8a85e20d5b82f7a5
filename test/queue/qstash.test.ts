import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { type FlowControl, qstashQueue } from '../../lib/queue/qstash.ts';
import type { Queue } from '../../lib/queue/queue.ts';
import type { ServedGateway } from '../../lib/server.ts';
import { type Door, message, queueContract } from '../contract/queueContract.ts';
import { type QStash, type QStashOptions, startQStash } from '../fakes/qstash.ts';
import { serveDoor } from '../harness/door.ts';

interface Opened {
  readonly queue: Queue;
  readonly qstash: QStash;
  readonly door: ServedGateway;
  close(): Promise<void>;
}

async function open(
  handle: Door,
  options: QStashOptions = {},
  flow: FlowControl | null = null,
  patienceMs = 10_000,
): Promise<Opened> {
  const qstash = await startQStash(options);
  const door = await serveDoor((request) => handle(request, queue));
  const { current, next } = qstash.keys();
  const queue = qstashQueue({
    retries: 3,
    timeoutS: 310,
    url: qstash.url,
    token: qstash.token,
    currentSigningKey: current,
    nextSigningKey: next,
    publicBaseUrl: door.url,
    clock: systemClock,
    flowControl: () => flow,
    protectionBypass: 'bypass-secret',
    patienceMs,
  });
  return {
    queue,
    qstash,
    door,
    async close() {
      await qstash.stop();
      await door.stop(0);
    },
  };
}

queueContract('QStash', (door) => open(door));

describe('the QStash queue', () => {
  let opened: Opened;
  const received: Request[] = [];
  const kinds: string[] = [];
  const noting: Door = async (request, queue) => {
    received.push(request.clone());
    const delivery = await queue.receive(request);
    kinds.push(delivery.kind === 'delivery' ? delivery.jobId : delivery.kind);
    return new Response();
  };
  beforeEach(() => {
    received.length = 0;
    kinds.length = 0;
  });
  afterEach(() => opened.close());

  it('publishes the id alone, with what makes its delivery reliable', async () => {
    opened = await open(noting, {}, { parallelism: 3, rate: 20, period: 60 });
    await opened.queue.send(
      message('job_a', { sequence: '7', generation: 3, version: 7, timeoutMs: 280_000, dueAt: Date.now() + 1_000 }),
    );
    await vi.waitFor(() => expect(kinds).toEqual(['job_a']), 5_000);
    const [published] = opened.qstash.messages;
    expect(new TextDecoder().decode(published?.body)).toBe('{"job":"job_a","generation":3,"version":7}');
    expect(published).toMatchObject({
      url: `${opened.door.url}/api/worker`,
      failureCallback: `${opened.door.url}/api/worker/failed`,
      labels: ['job_a.3'],
      // Above the time of the worker's function, whatever the job's own is.
      timeoutMs: 310_000,
      retries: 3,
      flowControl: { key: 'gateway-demo' },
    });
    expect(published?.source.headers['upstash-deduplication-id']).toBe('job_a-7');
    expect(received[0]?.headers.get('x-vercel-protection-bypass')).toBe('bypass-secret');
    const { headers = {} } = published?.source ?? {};
    expect(headers['upstash-failure-callback-forward-x-vercel-protection-bypass']).toBe('bypass-secret');
  });

  it('survives 429 and 5xx of QStash, and a lost answer, without a second delivery', async () => {
    opened = await open(noting);
    opened.qstash.faults.publish.next({ status: 429 });
    opened.qstash.faults.publish.next({ status: 500 });
    await opened.queue.send(message('job_a'));
    opened.qstash.faults.publish.next({ cut: 'after' });
    await opened.queue.send(message('job_b'));
    await opened.qstash.idle();
    expect(kinds.toSorted()).toEqual(['job_a', 'job_b']);
  });

  it('rejects when QStash stays away, and at once when it refuses', async () => {
    opened = await open(noting);
    opened.qstash.faults.publish.next({ status: 503 }, { times: 4 });
    await expect(opened.queue.send(message('job_a'))).rejects.toThrow();
    opened.qstash.faults.publish.next({ status: 400 });
    await expect(opened.queue.send(message('job_b'))).rejects.toThrow();
    await opened.queue.send(message('job_c'));
    await opened.qstash.idle();
    expect(kinds).toEqual(['job_c']);
  });

  it("passes a service's limits on in QStash's own terms", async () => {
    const limits: [FlowControl, unknown][] = [
      [
        { parallelism: 3, rate: null, period: 1 },
        { parallelism: 3, rate: Number.POSITIVE_INFINITY, periodMs: 1_000 },
      ],
      [
        { parallelism: null, rate: 5, period: 60 },
        { parallelism: Number.POSITIVE_INFINITY, rate: 5, periodMs: 60_000 },
      ],
      [
        { parallelism: 2, rate: 5, period: 60 },
        { parallelism: 2, rate: 5, periodMs: 60_000 },
      ],
    ];
    for (const [flow, published] of limits) {
      opened = await open(noting, {}, flow);
      await opened.queue.send(message('job_a'));
      expect(opened.qstash.messages[0]?.flowControl).toEqual({ key: 'gateway-demo', limits: published });
      await opened.close();
    }
    opened = await open(noting);
    await opened.queue.send(message('job_a'));
    expect(opened.qstash.messages[0]?.flowControl).toBeNull();
  });

  it('sends a lost message again under another sequence, which QStash does not take for the first', async () => {
    opened = await open(noting);
    opened.qstash.faults.delivery.next({ lost: 'request' });
    await opened.queue.send(message('job_a', { sequence: '4' }));
    await opened.qstash.idle();
    await opened.queue.send(message('job_a', { sequence: '4' }));
    await opened.qstash.idle();
    expect(kinds).toEqual([]);
    for (let count = 0; count < 3; count++) await opened.queue.send(message('job_a', { sequence: '4.0' }));
    await opened.qstash.idle();
    expect(kinds).toEqual(['job_a']);
  });

  it('knows a message of the version before, which names no generation', async () => {
    const deliveries: unknown[] = [];
    opened = await open(async (request, queue) => {
      deliveries.push(await queue.receive(request));
      return new Response();
    });
    await fetch(`${opened.qstash.url}/v2/publish/${opened.door.url}/api/worker`, {
      method: 'POST',
      headers: { authorization: `Bearer ${opened.qstash.token}` },
      body: '{"job":"job_a"}',
    });
    await opened.queue.send(message('job_b', { generation: 2 }));
    await opened.qstash.idle();
    expect(deliveries).toEqual(
      expect.arrayContaining([
        { kind: 'delivery', jobId: 'job_a', sending: { generation: null, version: null } },
        { kind: 'delivery', jobId: 'job_b', sending: { generation: 2, version: 1 } },
      ]),
    );
  });

  it('sends many in as few requests as QStash allows, through 429 and 5xx', async () => {
    opened = await open(noting);
    const many = Array.from({ length: 250 }, (_, index) => message(`job_${index}`));
    const asked: string[] = [];
    opened.qstash.faults.publish.sometimes({}, 1, ({ path }) => asked.push(path) > 0);
    await opened.queue.sendMany(many);
    expect(asked).toEqual(['/v2/batch', '/v2/batch', '/v2/batch']);
    opened.qstash.faults.publish.clear();
    for (const status of [429, 500, 503]) opened.qstash.faults.publish.next({ status });
    await opened.queue.sendMany(many.slice(0, 100).map((one) => ({ ...one, sequence: '2' })));
    await opened.qstash.idle();
    expect(kinds).toHaveLength(350);
    expect(opened.qstash.messages.every(({ labels }) => labels.length === 1)).toBe(true);
  });

  it('says so when some of many were not taken, and sends the others', async () => {
    opened = await open(noting);
    const many = Array.from({ length: 250 }, (_, index) => message(`job_${index}`));
    opened.qstash.faults.publish.next({ status: 400 });
    await expect(opened.queue.sendMany(many)).rejects.toThrow(AggregateError);
    await opened.qstash.idle();
    expect(kinds.toSorted()).toEqual(
      many
        .slice(100)
        .map(({ jobId }) => jobId)
        .toSorted(),
    );
    const refused = (id: string) => ({
      when: (source: { headers: Readonly<Record<string, string>> }) => source.headers['upstash-label'] === `${id}.1`,
    });
    opened.qstash.faults.item.next({ error: 'quota exceeded' }, refused('job_7'));
    const rejection = opened.queue.sendMany(many.slice(0, 100));
    await expect(rejection).rejects.toMatchObject({ errors: [{ message: '1 messages of a batch were refused' }] });
    await opened.qstash.idle();
    expect(kinds).toHaveLength(249);
    expect(kinds).not.toContain('job_7');
  });

  it('does not wait for ever for a QStash that does not answer', async () => {
    opened = await open(noting, {}, null, 100);
    opened.qstash.faults.publish.next({ delayMs: 700 });
    await expect(opened.queue.send(message('job_a'))).rejects.toThrow(/not answered within 100 ms/);
    opened.qstash.faults.publish.next({ delayMs: 500 });
    const many = opened.queue.sendMany([message('job_b')]);
    await expect(many).rejects.toMatchObject({ errors: [{ message: expect.stringContaining('100 ms') }] });
    // The requests were made: what comes of them late does no harm.
    await vi.waitFor(() => expect(kinds.toSorted()).toEqual(['job_a', 'job_b']), 5_000);
    await wait(50);
  });

  it('knows its schedule at the door of the sweep, and there alone', async () => {
    const doors: string[] = [];
    opened = await open(async (request, queue) => {
      const { kind } = await queue.receive(request.clone());
      const elsewhere = new Request(request.url.replace('/sweep', ''), request.clone());
      const failed = new Request(request.url.replace('/sweep', '/failed'), request.clone());
      doors.push(kind, (await queue.receive(elsewhere)).kind, (await queue.receive(failed)).kind);
      return new Response();
    });
    const at = (path: string) =>
      fetch(`${opened.qstash.url}/v2/publish/${opened.door.url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${opened.qstash.token}` },
        body: '{}',
      });
    await at('/api/worker/sweep');
    await opened.qstash.idle();
    expect(doors).toEqual(['sweep', 'unauthorized', 'unauthorized']);
    // A delivery's signature opens no other door.
    doors.length = 0;
    const [delivery] = opened.qstash.deliveries;
    const headers = { ...delivery?.headers };
    const forged = new Request(`${opened.door.url}/api/worker/sweep`, { method: 'POST', headers, body: '{"job":"x"}' });
    expect(await opened.queue.receive(forged)).toEqual({ kind: 'unauthorized' });
  });

  it('knows deliveries signed with the next key while the keys are being rotated', async () => {
    opened = await open(noting);
    opened.qstash.rotateKeys();
    await opened.queue.send(message('job_a'));
    await opened.qstash.idle();
    expect(kinds).toEqual(['job_a']);
    opened.qstash.rotateKeys();
    await opened.queue.send(message('job_b'));
    await vi.waitFor(() => expect(kinds).toEqual(['job_a', 'unauthorized']), 5_000);
  });

  it('tells the failure door which job was given up, and takes no delivery for the other door', async () => {
    const doors: string[] = [];
    opened = await open(
      async (request, queue) => {
        const { pathname } = new URL(request.url);
        const delivery = await queue.receive(request.clone());
        doors.push(`${pathname} ${'jobId' in delivery ? `${delivery.kind} ${delivery.jobId}` : delivery.kind}`);
        // The same signature at the other door is no delivery.
        const elsewhere = new Request(
          request.url.replace(/\/failed$/, '').concat(pathname.endsWith('/failed') ? '' : '/failed'),
          request,
        );
        doors.push((await queue.receive(elsewhere)).kind);
        return new Response(null, { status: pathname.endsWith('/failed') ? 200 : 500 });
      },
      { speed: 1_000_000 },
    );
    await opened.queue.send(message('job_a'));
    await opened.qstash.idle();
    expect(doors.slice(0, 2)).toEqual(['/api/worker delivery job_a', 'unauthorized']);
    expect(doors.slice(-2)).toEqual(['/api/worker/failed given_up job_a', 'unauthorized']);
  });
});
