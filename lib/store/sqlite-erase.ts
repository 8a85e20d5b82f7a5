import { type Clock, sleep } from '../clock.ts';
import { type Database, integer, text } from '../sqlite/database.ts';

/** Chunks whose job was never created (its caller went away in mid-upload) are dropped this long after the last of them. */
const UPLOAD_MS = 3_600_000;
/** What one transaction erases: a few milliseconds, in which the process does nothing else. */
const STEP_BYTES = 2_097_152;
/** An event stream may have many small chunks. */
const STEP_ROWS = 256;
/** Between two steps: erasing must not take more than a part of the process's time. */
const PAUSE_MS = 10;
/** Higher than any attempt. A body is all of it or nothing. */
const ALL = Number.MAX_SAFE_INTEGER;

/** What may still be erased in a transaction. */
export interface Budget {
  bytes: number;
  rows: number;
}

export function stepBudget(): Budget {
  return { bytes: STEP_BYTES, rows: STEP_ROWS };
}

interface Table {
  readonly name: 'body_chunk' | 'result_chunk';
  readonly part: 'body' | 'result';
}
const BODY: Table = { name: 'body_chunk', part: 'body' };
const RESULT: Table = { name: 'result_chunk', part: 'result' };

/**
 * Takes chunks out of the file, a bounded number of bytes in one transaction. What is to go and does not fit is listed as
 * an orphan in the same transaction, from which moment nobody reads it; it is erased in steps thereafter, also by a later
 * process.
 */
export class Eraser {
  readonly #db: Database;
  readonly #clock: Clock;
  #working: Promise<void> | null = null;
  #closed = new AbortController();
  #failure: { readonly reason: unknown } | null = null;

  constructor(db: Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** Within a transaction: a chunk was put for a job that does not exist yet. One that comes too late changes nothing. */
  uploading(id: string): void {
    const now = this.#clock.now();
    this.#db
      .prepare(
        `INSERT INTO orphan (job_id, part, through, erase_at) VALUES (?, 'body', 0, ?)
         ON CONFLICT (job_id, part) DO UPDATE SET erase_at = excluded.erase_at WHERE erase_at > ?`,
      )
      .run(id, now + UPLOAD_MS, now);
  }

  /** Within a transaction: the chunks that were put for this job are its own now. @throws Error where they may be gone */
  adopt(id: string): void {
    const row = this.#db.prepare("SELECT erase_at FROM orphan WHERE job_id = ? AND part = 'body'").get(id);
    if (row !== undefined && integer(row, 'erase_at') <= this.#clock.now()) throw new Error('the body came too slowly');
    this.#unlist(BODY, id);
  }

  /** Within a transaction: the body goes. */
  body(id: string, budget = stepBudget()): void {
    this.#erase(BODY, id, ALL, budget);
  }

  /** Within a transaction: the chunks of all attempts up to `attempt` go. */
  results(id: string, attempt: number, budget = stepBudget()): void {
    this.#erase(RESULT, id, attempt, budget);
  }

  /** Within a transaction: everything of the job goes. */
  job(id: string, budget = stepBudget()): void {
    this.body(id, budget);
    this.results(id, ALL, budget);
  }

  /** Erases in the background what is listed. A failure is told by the next {@link check}. */
  work(): void {
    this.#working ??= this.#steps()
      .catch((reason) => {
        this.#failure = { reason };
      })
      .finally(() => {
        this.#working = null;
      });
  }

  /** Tells of a failure in the background, once. */
  check(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure.reason;
  }

  /** Breaks the work off; the next process goes on with it. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#working;
  }

  async #steps(): Promise<void> {
    const { signal } = this.#closed;
    while (!signal.aborted && (await this.#step())) await sleep(PAUSE_MS, signal);
    // The log still has what was erased.
    if (!signal.aborted) this.#db.emptyLog();
  }

  /** Within a transaction: erases of what is listed as much as the budget allows. */
  listed(budget: Budget, atLeast = 0): void {
    for (let row = this.#next(); row !== undefined && budget.rows > 0; row = this.#next()) {
      budget.rows -= 1;
      const table = row['part'] === 'body' ? BODY : RESULT;
      const id = text(row, 'job_id');
      if (!this.#delete(table, id, integer(row, 'through'), budget, atLeast)) return;
      this.#unlist(table, id);
    }
  }

  #next() {
    return this.#db
      .prepare('SELECT job_id, part, through FROM orphan WHERE erase_at <= ? ORDER BY erase_at LIMIT 1')
      .get(this.#clock.now());
  }

  /** One transaction's worth; `false`: nothing is left. */
  async #step(): Promise<boolean> {
    // Looked for outside of the transaction: mostly there is nothing, and no lock is needed to know that.
    if (this.#next() === undefined) return false;
    // At least one chunk, however large, or there would be no end.
    await this.#db.write(() => this.listed(stepBudget(), 1));
    return true;
  }

  #erase(table: Table, id: string, through: number, budget: Budget): void {
    if (this.#delete(table, id, through, budget, 0)) {
      this.#unlist(table, id);
    } else {
      this.#list(table, id, through);
      // Not before the transaction has ended.
      setImmediate(() => this.work());
    }
  }

  /** Deletes chunks as far as the budget goes, but `atLeast` so many; whether none is left. */
  #delete({ name, part }: Table, id: string, through: number, budget: Budget, atLeast: number): boolean {
    const upTo = part === 'body' ? '' : 'AND attempt <= ?';
    const values = part === 'body' ? [id] : [id, through];
    // The length of a blob is in the row's head: none of its pages are read for it.
    const rows = this.#db
      .prepare(`SELECT rowid AS at, length(bytes) AS size FROM ${name} WHERE job_id = ? ${upTo} LIMIT ${STEP_ROWS + 1}`)
      .all(...values);
    const remove = this.#db.prepare(`DELETE FROM ${name} WHERE rowid = ?`);
    for (const [index, row] of rows.entries()) {
      const size = integer(row, 'size');
      if (index >= atLeast && (budget.rows < 1 || budget.bytes < size)) return false;
      budget.rows -= 1;
      budget.bytes -= size;
      remove.run(integer(row, 'at'));
    }
    return true;
  }

  #list({ part }: Table, id: string, through: number): void {
    this.#db
      .prepare(
        `INSERT INTO orphan (job_id, part, through, erase_at) VALUES (?, ?, ?, ?)
         ON CONFLICT (job_id, part) DO UPDATE SET through = excluded.through, erase_at = excluded.erase_at`,
      )
      .run(id, part, through, this.#clock.now());
  }

  #unlist({ part }: Table, id: string): void {
    this.#db.prepare('DELETE FROM orphan WHERE job_id = ? AND part = ?').run(id, part);
  }
}
