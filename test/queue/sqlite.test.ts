import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { createLog } from '../../lib/log.ts';
import { HOLD_MS } from '../../lib/queue/dispatcher.ts';
import type { Queue } from '../../lib/queue/queue.ts';
import { type SqliteQueue, sqliteQueue } from '../../lib/queue/sqlite.ts';
import { Messages, type Room } from '../../lib/queue/sqlite-messages.ts';
import { testClock } from '../contract/fixtures.ts';
import { type Door, message, queueContract } from '../contract/queueContract.ts';

const signingKey = randomBytes(32).toString('base64');
const log = createLog({ level: 'ERROR', format: 'text', write: (line) => console.error(line) });

function open(path: string, door: Door, options: { concurrency?: number; parallelism?: number; clock?: Clock } = {}) {
  const queue: SqliteQueue = sqliteQueue({
    path,
    signingKey,
    clock: options.clock ?? systemClock,
    log,
    deliver: (request): Promise<Response> => door(request, queue),
    url: 'http://gateway.internal/api/worker',
    concurrency: options.concurrency ?? 64,
    parallelism: () => options.parallelism ?? Number.POSITIVE_INFINITY,
  });
  queue.start();
  return queue;
}

async function close(queue: SqliteQueue): Promise<void> {
  await queue.stop(1_000);
  await queue.close();
}

/** Of a process that has nothing in hand. */
const ROOM: Room = { free: 10, freeFor: () => 10, inHand: new Set() };

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'queue-'));
  path = join(folder, 'queue.db');
});
afterEach(() => rm(folder, { recursive: true }));

queueContract('SQLite', async (door) => {
  const queue = open(path, door);
  return { queue, close: () => close(queue) };
});

describe('the embedded queue', () => {
  /** A door that holds every delivery until it is opened, and notes how many were at it at once. */
  const gate = () => {
    const delivered: string[] = [];
    const counts = { now: 0, most: 0, delivered };
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const door: Door = async (request, queue: Queue) => {
      const received = await queue.receive(request);
      if (received.kind === 'delivery') counts.delivered.push(received.jobId);
      counts.now += 1;
      counts.most = Math.max(counts.most, counts.now);
      await opened;
      counts.now -= 1;
      return new Response();
    };
    return { counts, door, open };
  };

  it('delivers no more at once than it may, in all and for a service', async () => {
    const { counts, door, open: openGate } = gate();
    const queue = open(path, door, { concurrency: 5, parallelism: 2 });
    const services = ['a', 'b', 'c', 'd'];
    await Promise.all(
      services.flatMap((service) => [1, 2, 3, 4].map((n) => queue.send(message(`job_${service}${n}`, { service })))),
    );
    await vi.waitFor(() => expect(counts.now).toBe(5));
    const busy = services.map((service) => counts.delivered.filter((id) => id.startsWith(`job_${service}`)).length);
    expect(Math.max(...busy)).toBe(2);
    openGate();
    await vi.waitFor(async () => expect(await queue.depth()).toBe(0));
    expect(counts.most).toBe(5);
    expect(counts.delivered).toHaveLength(16);
    await close(queue);
  });

  it('lets other services pass one that is at its limit', async () => {
    const { counts, door, open: openGate } = gate();
    const queue = open(path, door, { concurrency: 3, parallelism: 1 });
    for (const n of [1, 2, 3, 4, 5]) await queue.send(message(`job_a${n}`, { service: 'a' }));
    await queue.send(message('job_b', { service: 'b' }));
    await vi.waitFor(() => expect(counts.delivered.toSorted()).toEqual(['job_a1', 'job_b']));
    openGate();
    await vi.waitFor(async () => expect(await queue.depth()).toBe(0));
    await close(queue);
  });

  it('begins with what has been due for longest, whatever its service', async () => {
    const { counts, door, open: openGate } = gate();
    openGate();
    const waiting = new Messages(path);
    const dueAt = { a1: 10, b1: 20, a2: 30, c1: 40, b2: 50, a3: 60 };
    for (const [name, due] of Object.entries(dueAt).toReversed()) {
      await waiting.put(message(`job_${name}`, { service: name.slice(0, 1), dueAt: due }));
    }
    await waiting.close();
    const queue = open(path, door, { concurrency: 1 });
    await vi.waitFor(() => expect(counts.delivered).toHaveLength(6));
    expect(counts.delivered).toEqual(Object.keys(dueAt).map((name) => `job_${name}`));
    await close(queue);
  });

  it('takes many messages in one step, and those it has not a second time', async () => {
    const { counts, door, open: openGate } = gate();
    const queue = open(path, door, { concurrency: 1 });
    await queue.send(message('job_a', { service: 'first' }));
    await vi.waitFor(() => expect(counts.delivered).toEqual(['job_a']));
    await queue.send(message('job_b'));
    await queue.sendMany(['job_a', 'job_b', 'job_c'].map((id) => message(id, { sequence: '1.7' })));
    await queue.sendMany([]);
    expect(await queue.depth()).toBe(3);
    openGate();
    await vi.waitFor(async () => expect(await queue.depth()).toBe(0));
    expect(counts.delivered.toSorted()).toEqual(['job_a', 'job_b', 'job_c']);
    await close(queue);
  });

  it('delivers a job once at a time, also where its hold has run out while the process stood still', async () => {
    const clock = testClock();
    const { counts, door, open: openGate } = gate();
    const queue = open(path, door, { clock });
    await queue.send(message('job_a'));
    await vi.waitFor(() => expect(counts.delivered).toEqual(['job_a']));
    clock.advance(HOLD_MS + 1_000);
    await queue.send(message('job_b'));
    await vi.waitFor(() => expect(counts.delivered).toEqual(['job_a', 'job_b']));
    openGate();
    await vi.waitFor(async () => expect(await queue.depth()).toBe(0));
    expect(counts.delivered).toEqual(['job_a', 'job_b']);
    await close(queue);
  });

  it('rests while all that is due is a newer message of a job in hand, and delivers it afterwards', async () => {
    const { counts, door, open: openGate } = gate();
    const queue = open(path, door);
    await queue.send(message('job_a', { sequence: '1' }));
    await vi.waitFor(() => expect(counts.delivered).toHaveLength(1));
    await queue.send(message('job_a', { sequence: '2' }));
    const looks = vi.spyOn(Messages.prototype, 'nextDue');
    await new Promise((resolve) => setTimeout(resolve, 500));
    // Two a wake-up: the one that the message has caused, and at most one a second beside it.
    expect(looks.mock.calls.length).toBeLessThanOrEqual(6);
    looks.mockRestore();
    openGate();
    await vi.waitFor(async () => expect(await queue.depth()).toBe(0));
    expect(counts.delivered).toEqual(['job_a', 'job_a']);
    expect(counts.most).toBe(1);
    await close(queue);
  });

  it('is shared by two processes without a message being delivered twice', async () => {
    const delivered: string[] = [];
    const door: Door = async (request, queue) => {
      const received = await queue.receive(request);
      if (received.kind === 'delivery') delivered.push(received.jobId);
      return new Response();
    };
    const [one, two] = [open(path, door), open(path, door)];
    const ids = Array.from({ length: 200 }, (_, index) => `job_${index}`);
    await Promise.all(ids.map((id, index) => (index % 2 === 0 ? one : two).send(message(id))));
    await vi.waitFor(async () => expect(await one.depth()).toBe(0), { timeout: 10_000 });
    expect(delivered.toSorted()).toEqual(ids.toSorted());
    await Promise.all([close(one), close(two)]);
  });

  it('delivers again what a process had in hand when it died', async () => {
    const clock = testClock();
    const dead = new Messages(path);
    await dead.put(message('job_a'));
    expect(await dead.take(clock.now(), clock.now() + HOLD_MS, ROOM)).toHaveLength(1);
    await dead.close();
    const { counts, door, open: openGate } = gate();
    openGate();
    const queue = open(path, door, { clock });
    await queue.send(message('job_b'));
    await vi.waitFor(() => expect(counts.delivered).toEqual(['job_b']));
    clock.advance(HOLD_MS);
    await vi.waitFor(() => expect(counts.delivered).toEqual(['job_b', 'job_a']), { timeout: 5_000 });
    await close(queue);
  });

  it('keeps a message to itself as long as it is being delivered', async () => {
    const { counts, door, open: openGate } = gate();
    const [one, two] = [open(path, door), open(path, door)];
    await one.send(message('job_a'));
    await vi.waitFor(() => expect(counts.delivered).toHaveLength(1));
    await new Promise((resolve) => setTimeout(resolve, HOLD_MS + 2_000));
    openGate();
    await vi.waitFor(async () => expect(await one.depth()).toBe(0));
    expect(counts.delivered).toEqual(['job_a']);
    await Promise.all([close(one), close(two)]);
  });

  it('stops: takes nothing more, waits for what is in hand', async () => {
    const { counts, door, open: openGate } = gate();
    const queue = open(path, door, { concurrency: 1 });
    await queue.send(message('job_a'));
    await queue.send(message('job_b'));
    await vi.waitFor(() => expect(counts.now).toBe(1));
    const stopped = queue.stop(10_000);
    openGate();
    await stopped;
    expect(counts.delivered).toEqual(['job_a']);
    expect(await queue.depth()).toBe(1);
    await queue.close();
  });

  it('delivers a message again when the door itself fails', async () => {
    let calls = 0;
    const queue = open(path, async () => {
      calls += 1;
      return new Response(null, { status: calls === 1 ? 500 : 200 });
    });
    await queue.send(message('job_a'));
    await vi.waitFor(() => expect(calls).toBe(2), { timeout: 5_000 });
    await close(queue);
  });
});
