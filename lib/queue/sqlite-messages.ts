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
];

/** A message that this process delivers now. */
export interface Taken {
  readonly jobId: string;
  readonly sequence: string;
  readonly service: string;
  /** How often it has been delivered before. */
  readonly redelivered: number;
}

/**
 * The embedded queue's table: one message a job. A message that is being delivered has its due time ahead of it, moved
 * on as long as its process lives: when that dies, the message is due again by itself.
 *
 * Commits are not flushed to the disk one by one: what a power cut takes from this file the sweep sends again, as the
 * store is the truth.
 */
export class Messages {
  readonly #db: Database;

  constructor(path: string) {
    this.#db = new Database({ path, synchronous: 'NORMAL', migrations });
  }

  async put({ jobId, sequence, service, dueAt }: Message): Promise<void> {
    const insert = this.#db.prepare(
      `INSERT INTO message (job_id, sequence, service, due_at, deliveries) VALUES (?, ?, ?, ?, 0)
       ON CONFLICT (job_id) DO UPDATE SET sequence = excluded.sequence, due_at = excluded.due_at, deliveries = 0
       WHERE sequence <> excluded.sequence`,
    );
    await this.#db.write(() => insert.run(jobId, sequence, service, dueAt));
  }

  async drop(jobId: string): Promise<void> {
    const remove = this.#db.prepare('DELETE FROM message WHERE job_id = ?');
    await this.#db.write(() => remove.run(jobId));
  }

  /** Takes up to `limit` due messages of services other than `busy` that `wanted` accepts, hidden from others until `heldUntil`. */
  take(
    now: number,
    heldUntil: number,
    limit: number,
    busy: readonly string[],
    wanted: (message: Taken) => boolean,
  ): Promise<Taken[]> {
    const due = this.#db.prepare(
      `SELECT job_id, sequence, service, deliveries FROM message
       WHERE due_at <= ? AND service NOT IN (SELECT value FROM json_each(?)) ORDER BY due_at LIMIT ?`,
    );
    const hold = this.#db.prepare('UPDATE message SET due_at = ?, deliveries = deliveries + 1 WHERE job_id = ?');
    return this.#db.write(() => {
      const taken: Taken[] = [];
      for (const row of due.iterate(now, JSON.stringify(busy), limit)) {
        const message = {
          jobId: text(row, 'job_id'),
          sequence: text(row, 'sequence'),
          service: text(row, 'service'),
          redelivered: integer(row, 'deliveries'),
        };
        if (wanted(message)) taken.push(message);
      }
      for (const { jobId } of taken) hold.run(heldUntil, jobId);
      return taken;
    });
  }

  /** Moves the due time of messages: to keep them while they are delivered, or to deliver them again then. */
  async postpone(messages: readonly Taken[], dueAt: number): Promise<void> {
    const move = this.#db.prepare('UPDATE message SET due_at = ? WHERE job_id = ? AND sequence = ?');
    await this.#db.write(() => {
      for (const { jobId, sequence } of messages) move.run(dueAt, jobId, sequence);
    });
  }

  /** Ends a message, unless a newer one of its job has taken its place meanwhile. */
  async finish({ jobId, sequence }: Taken): Promise<void> {
    const remove = this.#db.prepare('DELETE FROM message WHERE job_id = ? AND sequence = ?');
    await this.#db.write(() => remove.run(jobId, sequence));
  }

  /** When the next message falls due that is not of a `busy` service. */
  nextDue(busy: readonly string[]): number | null {
    const row = this.#db
      .prepare(
        'SELECT due_at FROM message WHERE service NOT IN (SELECT value FROM json_each(?)) ORDER BY due_at LIMIT 1',
      )
      .get(JSON.stringify(busy));
    return row === undefined ? null : integer(row, 'due_at');
  }

  count(): number {
    return integer(this.#db.prepare('SELECT count(*) AS n FROM message').get() ?? {}, 'n');
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}
