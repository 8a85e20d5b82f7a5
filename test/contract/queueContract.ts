import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Message, Queue } from '../../lib/queue/queue.ts';

export interface QueueUnderTest {
  readonly queue: Queue;
  close(): Promise<void>;
}

/** The worker's door of a test. */
export type Door = (request: Request, queue: Queue) => Promise<Response>;

const PATIENCE = { timeout: 15_000, interval: 10 };

export function message(jobId: string, overrides: Partial<Message> = {}): Message {
  return {
    jobId,
    service: 'demo',
    sequence: '1',
    generation: 1,
    version: 1,
    dueAt: 0,
    timeoutMs: 60_000,
    ...overrides,
  };
}

/** What every queue promises: at least once, signed, not early, again when it is told so. */
export function queueContract(name: string, open: (door: Door) => Promise<QueueUnderTest>): void {
  describe(`queue contract: ${name}`, () => {
    let backend: QueueUnderTest | undefined;
    const start = async (door: Door) => {
      backend = await open(door);
      return backend.queue;
    };
    afterEach(async () => {
      await backend?.close();
      backend = undefined;
    });

    /** A door that notes who was delivered and answers in turn what it was given, the last answer for ever. */
    const noting = (...answers: readonly [number, Record<string, string>?][]) => {
      const delivered: { jobId: string; at: number }[] = [];
      const door: Door = async (request, queue) => {
        // Some queues tell what they have given up: no delivery.
        if (request.url.endsWith('/failed')) return new Response();
        const received = await queue.receive(request);
        if (received.kind !== 'delivery') return new Response(null, { status: 401 });
        delivered.push({ jobId: received.jobId, at: Date.now() });
        const [status, headers] = answers[Math.min(delivered.length, answers.length) - 1] ?? [200];
        return new Response(null, { status, ...(headers === undefined ? {} : { headers }) });
      };
      return { delivered, door };
    };
    const settled = async (queue: Queue) => {
      if ((await queue.depth()) !== null) await vi.waitFor(async () => expect(await queue.depth()).toBe(0), PATIENCE);
    };

    it('delivers a message once to a door that takes it', async () => {
      const { delivered, door } = noting();
      const queue = await start(door);
      await queue.send(message('job_a'));
      await vi.waitFor(() => expect(delivered).toHaveLength(1), PATIENCE);
      await settled(queue);
      expect(delivered.map(({ jobId }) => jobId)).toEqual(['job_a']);
    });

    it('waits for the time that a message is due', async () => {
      const { delivered, door } = noting();
      const queue = await start(door);
      const dueAt = Date.now() + 1_200;
      await queue.send(message('job_later', { dueAt }));
      await queue.send(message('job_now'));
      await vi.waitFor(() => expect(delivered).toHaveLength(2), PATIENCE);
      expect(delivered.map(({ jobId }) => jobId)).toEqual(['job_now', 'job_later']);
      expect(delivered[1]?.at).toBeGreaterThanOrEqual(dueAt);
    });

    it('keeps a message of the same job and sequence once', async () => {
      const { delivered, door } = noting();
      const queue = await start(door);
      const dueAt = Date.now() + 1_000;
      for (let count = 0; count < 3; count++) await queue.send(message('job_a', { dueAt }));
      await vi.waitFor(() => expect(delivered).toHaveLength(1), PATIENCE);
      await queue.send(message('job_b'));
      await vi.waitFor(() => expect(delivered).toHaveLength(2), PATIENCE);
      await settled(queue);
      expect(delivered.map(({ jobId }) => jobId)).toEqual(['job_a', 'job_b']);
    });

    it('keeps a repeat once too, and delivers it where the first message has gone', async () => {
      const { delivered, door } = noting();
      const queue = await start(door);
      await queue.send(message('job_a'));
      await vi.waitFor(() => expect(delivered).toHaveLength(1), PATIENCE);
      await settled(queue);
      const dueAt = Date.now() + 1_000;
      for (let count = 0; count < 3; count++) await queue.send(message('job_a', { sequence: '1.0', dueAt }));
      await vi.waitFor(() => expect(delivered).toHaveLength(2), PATIENCE);
      await queue.send(message('job_b'));
      await vi.waitFor(() => expect(delivered).toHaveLength(3), PATIENCE);
      await settled(queue);
      expect(delivered.map(({ jobId }) => jobId)).toEqual(['job_a', 'job_a', 'job_b']);
    });

    it('takes many at once, each as if it had been sent alone', async () => {
      const { delivered, door } = noting();
      const queue = await start(door);
      const dueAt = Date.now() + 1_000;
      await queue.sendMany([]);
      await queue.send(message('job_0', { dueAt }));
      const ids = Array.from({ length: 130 }, (_, index) => `job_${index}`);
      await queue.sendMany([...ids, 'job_1'].map((id) => message(id, { dueAt })));
      await vi.waitFor(() => expect(delivered.length).toBeGreaterThanOrEqual(ids.length), PATIENCE);
      await settled(queue);
      expect(delivered.map(({ jobId }) => jobId).toSorted()).toEqual(ids.toSorted());
      expect(delivered.every(({ at }) => at >= dueAt)).toBe(true);
    });

    it('brings a refused message again, after Retry-After', async () => {
      const { delivered, door } = noting([503, { 'retry-after': '1' }], [500, { 'retry-after': '1' }], [200]);
      const queue = await start(door);
      await queue.send(message('job_a'));
      await vi.waitFor(() => expect(delivered).toHaveLength(3), PATIENCE);
      const [first, second, third] = delivered.map(({ at }) => at);
      expect((second ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(990);
      expect((third ?? 0) - (second ?? 0)).toBeGreaterThanOrEqual(990);
      await settled(queue);
    });

    it('does not bring back what can never be delivered', async () => {
      const { delivered, door } = noting([489, { 'upstash-nonretryable-error': 'true' }]);
      const queue = await start(door);
      await queue.send(message('job_a'));
      await vi.waitFor(() => expect(delivered).toHaveLength(1), PATIENCE);
      await settled(queue);
      await queue.send(message('job_b'));
      await vi.waitFor(() => expect(delivered).toHaveLength(2), PATIENCE);
      expect(delivered[1]?.jobId).toBe('job_b');
    });

    it('takes a message back', async () => {
      const { delivered, door } = noting();
      const queue = await start(door);
      const dueAt = Date.now() + 1_000;
      await queue.send(message('job_a', { dueAt }));
      await queue.send(message('job_b', { dueAt: dueAt + 200 }));
      await queue.send(message('job_again', { dueAt: dueAt + 400, sequence: '3', generation: 2 }));
      await queue.cancel('job_a', 1);
      await queue.cancel('job_never_sent', 1);
      // What an earlier run of it has left: this one's message stays.
      await queue.cancel('job_again', 1);
      await vi.waitFor(() => expect(delivered).toHaveLength(2), PATIENCE);
      expect(delivered.map(({ jobId }) => jobId)).toEqual(['job_b', 'job_again']);
    });

    it('delivers many at once', async () => {
      let open = 0;
      let release: () => void = () => undefined;
      const all = new Promise<void>((resolve) => {
        release = resolve;
      });
      const queue = await start(async (request, own) => {
        await own.receive(request);
        open += 1;
        if (open === 8) release();
        await all;
        return new Response();
      });
      await Promise.all(Array.from({ length: 8 }, (_, index) => queue.send(message(`job_${index}`))));
      await all;
      await settled(queue);
    });

    it('does not lose a message that is sent while its predecessor is being delivered', async () => {
      const delivered: string[] = [];
      const queue = await start(async (request, own) => {
        const received = await own.receive(request);
        if (received.kind === 'delivery') delivered.push(received.jobId);
        if (delivered.length === 1) await own.send(message('job_a', { sequence: '2' }));
        return new Response();
      });
      await queue.send(message('job_a', { sequence: '1' }));
      await vi.waitFor(() => expect(delivered).toEqual(['job_a', 'job_a']), PATIENCE);
      await settled(queue);
    });

    it('knows its own deliveries, and nothing else', async () => {
      const seen: { url: string; headers: Record<string, string>; body: string }[] = [];
      const queue = await start(async (request) => {
        seen.push({ url: request.url, headers: Object.fromEntries(request.headers), body: await request.text() });
        return new Response();
      });
      await queue.send(message('job_a'));
      await vi.waitFor(() => expect(seen).toHaveLength(1), PATIENCE);
      const [genuine] = seen;
      if (genuine === undefined) throw new Error('nothing was delivered');
      const { url, headers, body } = genuine;
      const copy = (change: { body?: string; headers?: Record<string, string> }) =>
        new Request(url, { method: 'POST', body, headers, ...change });
      const without = (name: RegExp) =>
        Object.fromEntries(Object.entries(headers).filter(([header]) => !name.test(header)));

      expect(await queue.receive(copy({}))).toMatchObject({ kind: 'delivery', jobId: 'job_a' });
      const forged = [
        copy({ body: body.replace('job_a', 'job_b') }),
        copy({ body: `${body} ` }),
        copy({ headers: without(/signature/) }),
        copy({ headers: without(/^(webhook|upstash)-/) }),
        copy({ headers: { ...without(/signature/), 'webhook-signature': 'v1,AAAA', 'upstash-signature': 'a.b.c' } }),
      ];
      for (const request of forged) expect(await queue.receive(request)).toEqual({ kind: 'unauthorized' });
    });
  });
}
