import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { Database } from '../../lib/sqlite/database.ts';

/** A thread of its own: SQLite's calls are synchronous, so two connections of one thread never open at one moment. */
const { gates, threads, directory } = z
  .object({ gates: z.instanceof(Int32Array), threads: z.number(), directory: z.string() })
  .parse(workerData);
const migrations = ['CREATE TABLE opened (thread INTEGER)'];

const failures: string[] = [];
for (let file = 0; file < gates.length; file++) {
  Atomics.add(gates, file, 1);
  while (Atomics.load(gates, file) < threads);
  try {
    const db = new Database({ path: join(directory, `${file}.sqlite`), synchronous: 'FULL', migrations });
    await db.write(() => db.prepare('INSERT INTO opened VALUES (1)').run());
    await db.close();
  } catch (error) {
    failures.push(`${file}: ${error}`);
  }
}
parentPort?.postMessage(failures);
