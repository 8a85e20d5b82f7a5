import { sleep } from '../clock.ts';
import type { Database } from '../sqlite/database.ts';

/** How often waiters look for commits of other processes: reading `data_version` touches no page of the database. */
const OTHER_PROCESS_MS = 100;

/** Wakes those who wait for a job's next version: at once within the process, by polling for another one's commits. */
export class SqliteWatch {
  readonly #db: Database;
  readonly #waiters = new Map<string, Set<() => void>>();
  #timer: NodeJS.Timeout | undefined;
  #seen = 0;

  constructor(db: Database) {
    this.#db = db;
  }

  notify(id: string): void {
    for (const wake of this.#waiters.get(id) ?? []) wake();
  }

  /** Resolves once `happened` is true, after `ms`, or on abort. */
  async wait(id: string, ms: number, signal: AbortSignal | undefined, happened: () => boolean): Promise<void> {
    if (signal?.aborted || happened()) return;
    const done = new AbortController();
    const wake = () => {
      if (happened()) done.abort();
    };
    const waiters = this.#waiters.get(id) ?? new Set();
    this.#waiters.set(id, waiters.add(wake));
    this.#watchOthers();
    await sleep(ms, signal === undefined ? done.signal : AbortSignal.any([signal, done.signal]));
    waiters.delete(wake);
    if (waiters.size === 0) this.#waiters.delete(id);
    if (this.#waiters.size === 0) this.close();
  }

  #watchOthers(): void {
    if (this.#timer !== undefined) return;
    this.#seen = this.#db.dataVersion();
    this.#timer = setInterval(() => {
      // A database that cannot be read now is read by the next look; its waiters' own reads tell of the fault.
      const version = this.#read();
      if (version === null || version === this.#seen) return;
      this.#seen = version;
      for (const id of this.#waiters.keys()) this.notify(id);
    }, OTHER_PROCESS_MS);
  }

  #read(): number | null {
    try {
      return this.#db.dataVersion();
    } catch {
      return null;
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
