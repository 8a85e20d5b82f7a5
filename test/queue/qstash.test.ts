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

async function open(handle: Door, options: QStashOptions = {}, flow: FlowControl | null = null): Promise<Opened> {
  const qstash = await startQStash(options);
  const door = await serveDoor((request) => handle(request, queue));
  const { current, next } = qstash.keys();
  const queue = qstashQueue({
    url: qstash.url,
    token: qstash.token,
    currentSigningKey: current,
    nextSigningKey: next,
    publicBaseUrl: door.url,
    clock: systemClock,
    flowControl: () => flow,
    protectionBypass: 'bypass-secret',
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
    await opened.queue.send(message('job_a', { sequence: '7', timeoutMs: 280_000, dueAt: Date.now() + 1_000 }));
    await vi.waitFor(() => expect(kinds).toEqual(['job_a']), 5_000);
    const [published] = opened.qstash.messages;
    expect(new TextDecoder().decode(published?.body)).toBe('{"job":"job_a"}');
    expect(published).toMatchObject({
      url: `${opened.door.url}/api/worker`,
      failureCallback: `${opened.door.url}/api/worker/failed`,
      labels: ['job_a'],
      timeoutMs: 280_000,
      flowControl: { key: 'gateway-demo' },
    });
    expect(published?.source.headers['upstash-deduplication-id']).toBe('job_a-7');
    expect(received[0]?.headers.get('x-vercel-protection-bypass')).toBe('bypass-secret');
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
        doors.push(`${pathname} ${delivery.kind === 'delivery' ? delivery.jobId : delivery.kind}`);
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
    expect(doors.slice(0, 2)).toEqual(['/api/worker job_a', 'unauthorized']);
    expect(doors.slice(-2)).toEqual(['/api/worker/failed job_a', 'unauthorized']);
  });
});
