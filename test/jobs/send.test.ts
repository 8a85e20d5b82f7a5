import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import { repair, STRANDED_MS, sendJob, sweep } from '../../lib/jobs/send.ts';
import { submit } from '../../lib/jobs/submit.ts';
import type { Message } from '../../lib/queue/queue.ts';
import { submission, type TestContext, testContext } from './context.ts';
import { AT, completed, expired, queued, running } from './jobs.ts';

const MINUTE = 60_000;

describe('sending jobs again', () => {
  let base: TestContext;
  beforeAll(() => {
    base = testContext();
  });
  afterAll(() => base.close());

  /** The context at a time, with a queue that notes what it is given. */
  const at = (now: number) => {
    const sent: Message[] = [];
    const queue = {
      send: async (message: Message) => void sent.push(message),
      sendMany: async (messages: readonly Message[]) => void sent.push(...messages),
    };
    return { context: { ...base.with({ queue }), clock: { now: () => now } }, sent };
  };

  describe('by whoever reads a job', () => {
    const sequenceAt = async (late: number) => {
      const { context, sent } = at(AT + late);
      await repair(context, { ...queued, version: 7, expiresAt: AT + 1e9 });
      return sent.map(({ sequence }) => sequence);
    };

    it('not while its message may simply be on its way', async () => {
      expect(await sequenceAt(STRANDED_MS - 1)).toEqual([]);
      const { context, sent } = at(running.leaseUntil + STRANDED_MS - 1);
      for (const job of [running, completed, expired]) expect(await repair(context, job)).toBe(job);
      expect(sent).toEqual([]);
    });

    it('under one sequence, however many read it, until it has been late for twice as long', async () => {
      expect(await sequenceAt(STRANDED_MS)).toEqual(['7.0']);
      expect(await sequenceAt(2 * MINUTE - 1)).toEqual(['7.0']);
      expect(await sequenceAt(2 * MINUTE)).toEqual(['7.1']);
      expect(await sequenceAt(4 * MINUTE - 1)).toEqual(['7.1']);
      expect(await sequenceAt(4 * MINUTE)).toEqual(['7.2']);
      expect(await sequenceAt(24 * 60 * MINUTE)).toEqual(['7.10']);
    });

    it('never under the one of its first sending', async () => {
      const { context, sent } = at(running.leaseUntil + STRANDED_MS);
      await sendJob(context, running);
      await repair(context, running);
      expect(sent.map(({ sequence }) => sequence)).toEqual(['1', '1.0']);
      expect(sent[1]).toMatchObject({ jobId: running.id, service: running.service, generation: 1, dueAt: 0 });
    });

    it('who gets the job also where the queue fails; the log tells', async () => {
      const { context } = at(AT + STRANDED_MS);
      const failing = { ...context, queue: { ...context.queue, send: () => Promise.reject(new Error('no')) } };
      const before = base.lines.length;
      expect(await repair(failing, queued)).toBe(queued);
      expect(base.lines.slice(before).join('\n')).toContain(`job=${queued.id}`);
    });

    describe('who has no patience with a slow queue', () => {
      afterEach(() => {
        vi.useRealTimers();
      });

      it('and gets the job meanwhile', async () => {
        vi.useFakeTimers();
        const { context } = at(AT + STRANDED_MS);
        let fail: (error: Error) => void = () => undefined;
        const send = () => new Promise<void>((_, reject) => (fail = reject));
        const reading = repair({ ...context, queue: { ...context.queue, send } }, queued);
        await vi.advanceTimersByTimeAsync(2_000);
        expect(await reading).toBe(queued);
        // What comes of it later disturbs nobody.
        fail(new Error('late'));
        await vi.advanceTimersByTimeAsync(0);
      });

      it('and waits no longer than a quick one takes', async () => {
        vi.useFakeTimers();
        const { context } = at(AT + STRANDED_MS);
        expect(await repair(context, queued)).toBe(queued);
        expect(vi.getTimerCount()).toBe(0);
      });
    });
  });

  describe('by the sweep', () => {
    const submitted = async (context: TestContext, count: number, cancelAt: number | null = null) => {
      const ids: string[] = [];
      for (let made = 0; made < count; made++) {
        const incoming = submission(context, '{}');
        ids.push(
          (await submit(context, { ...incoming, options: { ...incoming.options, cancelAt, ttlMs: 3_600_000 } })).job.id,
        );
      }
      return ids;
    };
    let context: TestContext;
    afterEach(() => context.close());
    const open = () => {
      context = testContext();
      return context;
    };
    const later = (ms: number): Clock => ({ now: () => Date.now() + ms });

    it('in one round trip a page', async () => {
      const ids = await submitted(open(), 3);
      const pages: Message[][] = [];
      const queue = {
        send: () => Promise.reject(new Error('one by one')),
        sendMany: async (messages: readonly Message[]) => void pages.push([...messages]),
      };
      const swept = await sweep({ ...context.with({ queue }), clock: later(MINUTE + 50) });
      expect(swept).toEqual({ repaired: 3, removed: 0 });
      expect(pages.map((page) => page.map(({ jobId }) => jobId).toSorted())).toEqual([ids.toSorted()]);
      expect(pages[0]?.map(({ sequence }) => sequence)).toEqual(['1.0', '1.0', '1.0']);
    });

    it('at once what a process has left behind', async () => {
      await submitted(open(), 2);
      expect(await sweep({ ...context, clock: later(1) })).toEqual({ repaired: 0, removed: 0 });
      expect(await sweep({ ...context, clock: later(1) }, { graceMs: 0 })).toEqual({ repaired: 2, removed: 0 });
    });

    it('removes what has expired also where nothing can be sent, and says what failed', async () => {
      const [gone, waiting] = await submitted(open(), 2);
      await context.store.cancel(gone ?? '');
      const removed: number[] = [];
      const store = {
        sweep: async (limit: number) => {
          removed.push(limit);
          return 1;
        },
      };
      const queue = { sendMany: () => Promise.reject(new Error('no queue')) };
      const faulty = { ...context.with({ queue, store }), clock: later(MINUTE + 50) };
      await expect(sweep(faulty)).rejects.toThrow('no queue');
      expect(removed).toHaveLength(1);
      expect(await context.store.get(waiting ?? '')).toMatchObject({ status: 'queued' });
    });

    it('stops when its time is over, and the next one goes on', async () => {
      open();
      let now = Date.now();
      const clock = { now: () => now };
      const page = Array.from({ length: 500 }, (_, index) => ({
        ...queued,
        id: `job_${index}`,
        dueAt: 0,
        expiresAt: now + 1e9,
      }));
      const taking = (ms: number) => {
        const done = { stranded: 0, sweep: 0 };
        const store = {
          stranded: async () => {
            done.stranded += 1;
            now += ms;
            return done.stranded < 10 ? page : [];
          },
          sweep: async () => {
            done.sweep += 1;
            now += ms;
            return done.sweep < 10 ? 500 : 0;
          },
        };
        return { done, faulty: { ...context.with({ store }), clock } };
      };
      const slow = taking(1_500);
      await sweep(slow.faulty, { budgetMs: 10_000 });
      expect(slow.done.stranded + slow.done.sweep).toBeGreaterThanOrEqual(7);
      expect(slow.done.stranded + slow.done.sweep).toBeLessThanOrEqual(8);
      const quick = taking(1);
      expect(await sweep(quick.faulty, { budgetMs: 10_000 })).toEqual({ repaired: 4_500, removed: 4_500 });
    });

    it('ends what is overdue in place of sending it, as far as there is time', async () => {
      open();
      const [id = ''] = await submitted(context, 1, Date.now() + 1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      const sent: string[] = [];
      const queue = {
        sendMany: async (messages: readonly Message[]) => void sent.push(...messages.map((one) => one.jobId)),
      };
      expect(await sweep(context.with({ queue }), { graceMs: 0 })).toEqual({ repaired: 1, removed: 0 });
      expect(sent).toEqual([]);
      expect(await context.store.get(id)).toMatchObject({ status: 'cancelled' });
    });
  });
});
