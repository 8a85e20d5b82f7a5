import type { Clock } from '../clock.ts';
import { Database, integer } from '../sqlite/database.ts';
import { type Limiter, slide, windowAt } from './limiter.ts';

/** Schema of `limits.db`; STORAGE.md says what each column holds and for how long. */
const migrations: readonly string[] = [
  `
  CREATE TABLE used (
    caller TEXT NOT NULL,
    window INTEGER NOT NULL,
    n      INTEGER NOT NULL,
    PRIMARY KEY (caller, window)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX used_by_window ON used (window);
  `,
];

export interface SqliteLimiter extends Limiter {
  close(): Promise<void>;
}

/** Counts in a file of its own, which is not flushed: what a power cut takes is a window's count. */
export function sqliteLimiter({ path, clock }: { path: string; clock: Clock }): SqliteLimiter {
  const db = new Database({ path, synchronous: 'NORMAL', migrations });
  const count = db.prepare('SELECT n FROM used WHERE caller = ? AND window = ?');
  const add = db.prepare(
    'INSERT INTO used (caller, window, n) VALUES (?, ?, 1) ON CONFLICT (caller, window) DO UPDATE SET n = n + 1',
  );
  const drop = db.prepare('DELETE FROM used WHERE window < ?');
  const counted = (caller: string, window: number) => {
    const row = count.get(caller, window);
    return row === undefined ? 0 : integer(row, 'n');
  };
  return {
    take(caller, rate) {
      return db.write(() => {
        const { current, previous, elapsedMs } = windowAt(clock.now(), rate.windowMs);
        const counts = { previous: counted(caller, previous), current: counted(caller, current) };
        const taken = slide(counts, elapsedMs, rate);
        // The first of a window, of whichever caller, tidies up behind the one before.
        if (counts.current === 0) drop.run(previous);
        if (taken.allowed) add.run(caller, current);
        return taken;
      });
    },
    close: () => db.close(),
  };
}
