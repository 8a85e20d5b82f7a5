import type { Sending } from '../jobs/job.ts';
import { Database, integer, text } from '../sqlite/database.ts';
import type { Message } from './queue.ts';

/** Schema of `queue.db`; STORAGE.md says what each column holds and for how long. */
const migrations: readonly string[] = [
  `
  CREATE TABLE message (
    job_id     TEXT PRIMARY KEY,
    sequence   TEXT NOT NULL,
    service    TEXT NOT NULL,
    due_at     INTEGER NOT NULL,
    deliveries INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX message_by_due ON message (due_at);
  `,
  `
  CREATE INDEX message_by_service ON message (service, due_at);
  DROP INDEX message_by_due;
  ALTER TABLE message ADD COLUMN generation INTEGER;
  `,
];

/** A message that this process delivers now. */
export interface Taken {
  readonly jobId: string;
  readonly sequence: string;
  readonly service: string;
  readonly sending: Sending;
  /** The how-manieth delivery this is: whoever takes the message next has another number, and what is done under this one is void. */
  readonly delivery: number;
}

/** What a process has in hand, and how much more it may take. */
export interface Room {
  /** Messages in all. */
  readonly free: number;
  /** Messages of one service, beside those in hand. */
  freeFor(service: string): number;
  /** Jobs that this process delivers now: a newer message of theirs, of whichever service, waits until that has ended. */
  readonly inHand: ReadonlySet<string>;
}

interface Waiting extends Taken {
  readonly dueAt: number;
}

/**
 * The embedded queue's table: one message a job. A message that is being delivered has its due time ahead of it, moved
 * on as long as its process lives: when that dies, the message is due again by itself.
 *
 * Looking for work costs a few steps down an index for each service and each message taken, however many wait.
 *
 * Commits are not flushed to the disk one by one: what a power cut takes from this file the sweep sends again, as the
 * store is the truth.
 */
export class Messages {
  readonly #db: Database;

  /** @param onGone see `DatabaseOptions` */
  constructor(path: string, onGone: (path: string) => void = () => undefined) {
    this.#db = new Database({ path, synchronous: 'NORMAL', migrations, onGone });
  }

  put(message: Message): Promise<void> {
    return this.putAll([message]);
  }

  /** Keeps all of them, or none. */
  async putAll(messages: readonly Message[]): Promise<void> {
    const insert = this.#db.prepare(
      `INSERT INTO message (job_id, sequence, service, due_at, generation, deliveries) VALUES (?, ?, ?, ?, ?, 0)
       ON CONFLICT (job_id) DO UPDATE SET
         sequence = excluded.sequence, service = excluded.service, due_at = excluded.due_at,
         generation = excluded.generation, deliveries = 0
       WHERE sequence <> excluded.sequence
         AND NOT (? AND CAST(sequence AS INTEGER) = CAST(excluded.sequence AS INTEGER))`,
    );
    await this.#db.write(() => {
      for (const { jobId, sequence, service, dueAt, generation } of messages) {
        insert.run(jobId, sequence, service, dueAt, generation, isRepeat(sequence) ? 1 : 0);
      }
    });
  }

  async drop(jobId: string, generation: number): Promise<void> {
    const remove = this.#db.prepare('DELETE FROM message WHERE job_id = ? AND (generation IS NULL OR generation <= ?)');
    await this.#db.write(() => remove.run(jobId, generation));
  }

  /** Takes the messages that are due and that there is room for, the longest due first; hidden from others until `heldUntil`. */
  take(now: number, heldUntil: number, room: Room): Promise<Taken[]> {
    const hold = this.#db.prepare('UPDATE message SET due_at = ?, deliveries = deliveries + 1 WHERE job_id = ?');
    return this.#db.write(() => {
      const due = this.#services().flatMap((service) =>
        this.#waiting(service, now, room, Math.min(room.free, room.freeFor(service))),
      );
      const taken = due.toSorted((one, other) => one.dueAt - other.dueAt).slice(0, room.free);
      for (const { jobId } of taken) hold.run(heldUntil, jobId);
      return taken;
    });
  }

  /** When the next message falls due that there is room for; `null` where there is none. */
  nextDue(room: Room): number | null {
    const times = this.#services()
      .filter((service) => room.freeFor(service) > 0)
      .flatMap((service) => this.#waiting(service, Number.MAX_SAFE_INTEGER, room, 1))
      .map(({ dueAt }) => dueAt);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Moves the due time of messages: to keep them while they are delivered, or to deliver them again then. */
  async postpone(messages: readonly Taken[], dueAt: number): Promise<void> {
    const move = this.#db.prepare('UPDATE message SET due_at = ? WHERE job_id = ? AND sequence = ? AND deliveries = ?');
    await this.#db.write(() => {
      for (const { jobId, sequence, delivery } of messages) move.run(dueAt, jobId, sequence, delivery);
    });
  }

  /** Ends a message, unless a newer one of its job has taken its place meanwhile, or another process has taken it over. */
  async finish({ jobId, sequence, delivery }: Taken): Promise<void> {
    const remove = this.#db.prepare('DELETE FROM message WHERE job_id = ? AND sequence = ? AND deliveries = ?');
    await this.#db.write(() => remove.run(jobId, sequence, delivery));
  }

  count(): number {
    return integer(this.#db.prepare('SELECT count(*) AS n FROM message').get() ?? {}, 'n');
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  /** Services that have messages: from one to the next in the index, not through all of its entries. */
  #services(): string[] {
    const rows = this.#db
      .prepare(
        `WITH RECURSIVE found (service) AS (
           SELECT min(service) FROM message
           UNION ALL
           SELECT (SELECT min(service) FROM message WHERE service > found.service) FROM found WHERE found.service IS NOT NULL
         )
         SELECT service FROM found WHERE service IS NOT NULL`,
      )
      .all();
    return rows.map((row) => text(row, 'service'));
  }

  /** Up to `limit` messages of a service due at `now`, without those of jobs in hand, which may stand before them. */
  #waiting(service: string, now: number, room: Room, limit: number): Waiting[] {
    if (limit <= 0) return [];
    const { inHand } = room;
    return this.#db
      .prepare(
        `SELECT job_id, sequence, due_at, generation, deliveries FROM message
         WHERE service = ? AND due_at <= ? ORDER BY due_at LIMIT ?`,
      )
      .all(service, now, limit + inHand.size)
      .map((row) => ({
        jobId: text(row, 'job_id'),
        sequence: text(row, 'sequence'),
        service,
        dueAt: integer(row, 'due_at'),
        sending: {
          generation: row['generation'] === null ? null : integer(row, 'generation'),
          version: Number.parseInt(text(row, 'sequence'), 10),
        },
        delivery: integer(row, 'deliveries') + 1,
      }))
      .filter(({ jobId }) => !inHand.has(jobId))
      .slice(0, limit);
  }
}

/**
 * A sequence with a dot sends again what may have been lost. What this queue still has of the same version is not lost: it
 * keeps its place in the line, and who delivers it is not joined by another.
 */
function isRepeat(sequence: string): boolean {
  return sequence.includes('.');
}
