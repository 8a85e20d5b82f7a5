import { type BigIntStats, statSync } from 'node:fs';
import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sleep } from '../clock.ts';

export interface DatabaseOptions {
  readonly path: string;
  /** `FULL`: a commit is on the disk when it resolves. `NORMAL`: it survives the process, not a power cut. */
  readonly synchronous: 'FULL' | 'NORMAL';
  /** Step n brings a database of version n to n + 1; never edited once released. */
  readonly migrations: readonly string[];
  /** Told once when the file turns out to have been deleted or replaced. */
  readonly onGone?: (path: string) => void;
}

/** The path leads to no file, or to another one than was opened: what is written now, nobody would find again. */
export class DatabaseGone extends Error {
  override readonly name = 'DatabaseGone';

  constructor(path: string) {
    super(`${path} was deleted or replaced while the gateway was running`);
  }
}

type Row = Record<string, SQLOutputValue>;

/** Longest wait for another process's lock; the waits of SQLite itself stop the event loop and are kept short. */
const BUSY_MS = 10_000;
const BUSY_LOOK_MS = 20;
/** https://www.sqlite.org/rescode.html: SQLITE_BUSY; the extended codes have it in their low byte. */
const SQLITE_BUSY = 5;

interface Pending {
  readonly run: () => void;
  readonly fail: (error: unknown) => void;
  readonly done: () => void;
}

/**
 * One SQLite file whose writes are committed in groups: all writes that are asked for in one turn of the event loop
 * share a transaction, and so one flush to the disk (0.3 ms on an SSD, 5–10 ms on a spinning disk, whatever their number).
 */
export class Database {
  readonly #db: DatabaseSync;
  readonly #path: string;
  readonly #file: BigIntStats | undefined;
  readonly #onGone: ((path: string) => void) | undefined;
  readonly #statements = new Map<string, StatementSync>();
  #gone = false;
  #pending: Pending[] = [];
  #draining: Promise<void> | null = null;

  constructor({ path, synchronous, migrations, onGone }: DatabaseOptions) {
    this.#path = path;
    this.#onGone = onGone;
    this.#db = new DatabaseSync(path, { timeout: BUSY_MS });
    try {
      this.#enterWal();
      // What is deleted is overwritten with zeros: https://www.sqlite.org/pragma.html#pragma_secure_delete
      this.#db.exec(`PRAGMA synchronous = ${synchronous}; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;`);
      this.#migrate(path, migrations);
      this.#db.exec(`PRAGMA busy_timeout = ${BUSY_LOOK_MS}`);
      this.#file = this.#stat();
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  /**
   * Two processes that both hold a read lock while they turn a new file to WAL would wait for each other: SQLite then
   * refuses at once, without its busy wait (https://www.sqlite.org/c3ref/busy_handler.html). One of them has done it
   * by the next look. Only while starting, when no other work is held up.
   */
  #enterWal(): void {
    const until = Date.now() + BUSY_MS;
    for (;;) {
      try {
        this.#db.exec('PRAGMA journal_mode = WAL');
        return;
      } catch (error) {
        if (!isBusy(error) || Date.now() >= until) throw error;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_LOOK_MS);
      }
    }
  }

  #migrate(path: string, migrations: readonly string[]): void {
    // The lock first, then the version: of two processes that open a new file together one creates it.
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const version = Number(this.#db.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
      if (version > migrations.length) {
        throw new Error(`${path} was written by a newer version of the gateway (schema ${version}); use that version.`);
      }
      for (const step of migrations.slice(version)) this.#db.exec(step);
      // Written only where it changes: a start needs no room on the disk.
      if (version < migrations.length) this.#db.exec(`PRAGMA user_version = ${migrations.length}`);
      this.#db.exec('COMMIT');
    } catch (error) {
      // A full disk has ended it already (https://www.sqlite.org/lang_transaction.html).
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }

  /** The statement for this text, compiled once. */
  prepare(sql: string): StatementSync {
    const statement = this.#statements.get(sql) ?? this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /**
   * Runs `change` in the next group; resolves once that is committed. `change` may run twice and so only touches the
   * database.
   * @throws DatabaseGone where the file is not there any more
   */
  write<T>(change: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let result: { value: T } | undefined;
      const run = () => {
        result = { value: change() };
      };
      this.#pending.push({ run, fail: reject, done: () => result && resolve(result.value) });
      this.#draining ??= this.#drain();
    });
  }

  async #drain(): Promise<void> {
    while (this.#pending.length > 0) {
      await nextTurn();
      const group = this.#pending.splice(0);
      const failure = await this.#commitWhenFree(group);
      if (failure === null) continue;
      // One bad change must not take its neighbours with it: each again, alone.
      for (const change of group) {
        const own = group.length === 1 || isBusy(failure.reason) ? failure : this.#commit([change]);
        if (own !== null) change.fail(own.reason);
      }
    }
    // In the same step as the last look: a write that comes now must find that nobody would take it along.
    this.#draining = null;
  }

  /** Waits for another process's lock without holding up the event loop, which has leases to renew. */
  async #commitWhenFree(group: readonly Pending[]): Promise<{ reason: unknown } | null> {
    const until = Date.now() + BUSY_MS;
    for (;;) {
      const failure = this.#commit(group);
      if (failure === null || !isBusy(failure.reason) || Date.now() >= until) return failure;
      await sleep(BUSY_LOOK_MS);
    }
  }

  #commit(group: readonly Pending[]): { reason: unknown } | null {
    try {
      this.#checkFile();
      this.#db.exec('BEGIN IMMEDIATE');
      for (const change of group) change.run();
      this.#db.exec('COMMIT');
    } catch (reason) {
      return this.#rollBack(reason);
    }
    for (const change of group) change.done();
    return null;
  }

  /** Some microseconds: little beside a commit. SQLite itself goes on with a file that has lost its name. */
  #checkFile(): void {
    const found = this.#stat();
    const same = found?.ino === this.#file?.ino && found?.dev === this.#file?.dev;
    if (!same && !this.#gone) this.#onGone?.(this.#path);
    this.#gone = !same;
    if (!same) throw new DatabaseGone(this.#path);
  }

  #stat(): BigIntStats | undefined {
    return statSync(this.#path, { bigint: true, throwIfNoEntry: false });
  }

  #rollBack(reason: unknown): { reason: unknown } {
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    } catch (cause) {
      return { reason: new Error('a failed transaction could not be rolled back', { cause }) };
    }
    return { reason };
  }

  /** Changes whenever another connection, so also another process, has committed. */
  dataVersion(): number {
    return integer(this.prepare('PRAGMA data_version').get() ?? {}, 'data_version');
  }

  /** Brings the write-ahead log into the file and empties it, unless another process reads it just now. */
  emptyLog(): void {
    this.prepare('PRAGMA wal_checkpoint(TRUNCATE)').all();
  }

  async close(): Promise<void> {
    await this.#draining;
    if (this.#db.isOpen) this.#db.close();
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY;
}

/** Typed reads of a row's columns: a value of another type is a fault of the schema, and said so. */
export function text(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw new TypeError(`column ${column} holds no text`);
  return value;
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== 'number') throw new TypeError(`column ${column} holds no integer`);
  return value;
}

export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw new TypeError(`column ${column} holds no bytes`);
  return value;
}

export function bytesOrNull(row: Row, column: string): Uint8Array | null {
  return row[column] === null ? null : bytes(row, column);
}
