import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Messages, type Room } from '../../lib/queue/sqlite-messages.ts';
import { message } from '../contract/queueContract.ts';

const NOW = 1_000;
const HELD_UNTIL = 6_000;

/** Room of a process with these jobs in hand. */
function room(free: number, forService: Record<string, number> = {}, inHand: readonly string[] = []): Room {
  const jobs = new Set(inHand);
  return { free, freeFor: (service) => forService[service] ?? Number.POSITIVE_INFINITY, inHand: jobs };
}

let folder: string;
let path: string;
let messages: Messages;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'messages-'));
  path = join(folder, 'queue.db');
  messages = new Messages(path);
});
afterEach(async () => {
  await messages.close();
  await rm(folder, { recursive: true });
});

async function take(from: Messages, space: Room, now = NOW): Promise<string[]> {
  return (await from.take(now, now + 5_000, space)).map(({ jobId }) => jobId);
}

describe('taking', () => {
  it('goes by due time over all services, up to the room in all and the room of each', async () => {
    const due = { a1: 1, a2: 2, b1: 3, a3: 4, c1: 5, b2: 6, late: 2_000 };
    await messages.putAll(
      Object.entries(due).map(([name, dueAt]) => message(name, { service: name.slice(0, 1), dueAt })),
    );
    expect(await take(messages, room(3, { a: 1 }))).toEqual(['a1', 'b1', 'c1']);
    expect(await take(messages, room(0))).toEqual([]);
    expect(await take(messages, room(9, { a: 0 }))).toEqual(['b2']);
    expect(messages.nextDue(room(9, { a: 0 }))).toBe(2_000);
    expect(messages.nextDue(room(9))).toBe(2);
    expect(await take(messages, room(9))).toEqual(['a2', 'a3']);
    // What is held counts as due when the hold runs out.
    expect(messages.nextDue(room(9, { l: 0 }))).toBe(HELD_UNTIL);
    expect(messages.nextDue(room(9, { a: 0, b: 0, c: 0, l: 0 }))).toBeNull();
  });

  it('is not stopped by messages of jobs in hand that stand first', async () => {
    await messages.putAll(['one', 'two', 'three'].map((id, dueAt) => message(id, { dueAt })));
    const space = room(1, {}, ['one', 'two']);
    expect(messages.nextDue(space)).toBe(2);
    expect(await take(messages, space)).toEqual(['three']);
    expect(messages.nextDue(room(1, {}, ['one', 'two', 'three']))).toBeNull();
  });

  it('is due at its very time, not before', async () => {
    await messages.put(message('job', { dueAt: NOW }));
    expect(await take(messages, room(1), NOW - 1)).toEqual([]);
    expect(await take(messages, room(1), NOW)).toEqual(['job']);
  });

  it('reads no more of the table than it takes, however many wait: by index alone', async () => {
    const prepared = vi.spyOn(DatabaseSync.prototype, 'prepare');
    const other = new Messages(path);
    await other.put(message('job'));
    other.nextDue(room(1));
    const [taken] = await other.take(NOW, HELD_UNTIL, room(1));
    if (taken === undefined) throw new Error('not taken');
    await other.postpone([taken], NOW);
    await other.finish(taken);
    await other.close();
    const queries = prepared.mock.calls.map(([sql]) => sql).filter((sql) => /\bmessage\b/.test(sql));
    prepared.mockRestore();
    expect(queries.length).toBeGreaterThanOrEqual(6);
    const db = new DatabaseSync(path, { readOnly: true });
    const steps = queries.flatMap((sql) => db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all());
    db.close();
    const plan = steps.map((row) => String(row['detail']));
    expect(plan.filter((step) => step.includes('message_by_service (service=? AND due_at<?)'))).toHaveLength(1);
    expect(plan.filter((step) => /SCAN message|TEMP B-TREE/.test(step))).toEqual([]);
  });
});

describe('a message that another process has taken over', () => {
  it('is neither ended nor put off by the one that had it', async () => {
    await messages.put(message('job'));
    const [mine] = await messages.take(NOW, HELD_UNTIL, room(1));
    const other = new Messages(path);
    const [theirs] = await other.take(HELD_UNTIL, HELD_UNTIL + 5_000, room(1));
    if (mine === undefined || theirs === undefined) throw new Error('not taken');
    expect([mine.delivery, theirs.delivery]).toEqual([1, 2]);
    await messages.postpone([mine], 0);
    await messages.finish(mine);
    expect(other.nextDue(room(1))).toBe(HELD_UNTIL + 5_000);
    await other.finish(theirs);
    expect(messages.count()).toBe(0);
    await other.close();
  });
});

describe('a message that is sent again', () => {
  it('takes the place of an older one, but not where it is for what may have been lost', async () => {
    await messages.put(message('job', { sequence: '1', dueAt: 10 }));
    await messages.put(message('job', { sequence: '1.99', dueAt: 0 }));
    expect(messages.nextDue(room(1))).toBe(10);
    await messages.put(message('job', { sequence: '2.99', dueAt: 7 }));
    expect(messages.nextDue(room(1))).toBe(7);
    await messages.put(message('job', { sequence: '2', dueAt: 5 }));
    expect(messages.nextDue(room(1))).toBe(5);
    expect(messages.count()).toBe(1);
  });

  it('is kept where there is none any more', async () => {
    await messages.put(message('job', { sequence: '1.99', dueAt: 10 }));
    expect(messages.nextDue(room(1))).toBe(10);
  });

  it('does not come to whoever delivers the job just now', async () => {
    await messages.put(message('job', { sequence: '1' }));
    await take(messages, room(1));
    const other = new Messages(path);
    await other.putAll([message('job', { sequence: '1.99' })]);
    expect(await take(other, room(1))).toEqual([]);
    await other.close();
  });
});

it('a file of the first version is opened, its messages delivered', async () => {
  const old = join(folder, 'old.db');
  const db = new DatabaseSync(old);
  db.exec(`
    CREATE TABLE message (
      job_id     TEXT PRIMARY KEY,
      sequence   TEXT NOT NULL,
      service    TEXT NOT NULL,
      due_at     INTEGER NOT NULL,
      deliveries INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX message_by_due ON message (due_at);
    INSERT INTO message VALUES ('waiting', '1', 'a', 20, 0), ('in_hand_of_the_dead', '3', 'b', 10, 2);
    PRAGMA user_version = 1;
  `);
  db.close();
  const opened = new Messages(old);
  expect(await opened.take(NOW, HELD_UNTIL, room(9))).toEqual([
    {
      jobId: 'in_hand_of_the_dead',
      sequence: '3',
      service: 'b',
      dueAt: 10,
      sending: { generation: null, version: 3 },
      delivery: 3,
    },
    {
      jobId: 'waiting',
      sequence: '1',
      service: 'a',
      dueAt: 20,
      sending: { generation: null, version: 1 },
      delivery: 1,
    },
  ]);
  await opened.close();
});
