import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { readConfig } from '../../lib/config.ts';
import { createLocalGateway } from '../../lib/local.ts';
import { createLog } from '../../lib/log.ts';
import { startProcess } from '../harness/child.ts';
import { serveDoor } from '../harness/door.ts';
import type { Ground } from './ground.ts';

const FILES = ['jobs.db', 'queue.db'].flatMap((name) => [name, `${name}-wal`, `${name}-shm`]);

/** What must not be there once every job has ended: a count for each. */
const STORE_CHECKS: Readonly<Record<string, string>> = {
  'unfinished jobs': `SELECT count(*) AS n FROM job WHERE status IN ('queued', 'in_progress')`,
  'credentials of ended jobs': 'SELECT count(credential) AS n FROM job',
  'bodies of completed jobs': `SELECT count(*) AS n FROM body_chunk JOIN job ON job.id = job_id WHERE status = 'completed'`,
  'chunks of bodies without a job': 'SELECT count(*) AS n FROM body_chunk WHERE job_id NOT IN (SELECT id FROM job)',
  'chunks of results without a job': 'SELECT count(*) AS n FROM result_chunk WHERE job_id NOT IN (SELECT id FROM job)',
  'chunks of earlier attempts': `SELECT count(*) AS n FROM result_chunk JOIN job ON job.id = job_id
    WHERE attempt <> json_extract(record, '$.attempts')`,
  orphans: 'SELECT count(*) AS n FROM orphan',
  'pages that are not sound': `SELECT count(*) AS n FROM pragma_integrity_check WHERE integrity_check <> 'ok'`,
};

export interface LocalGround extends Ground {
  readonly dataDir: string;
}

/** SQLite store and queue in one folder. @param given a folder to use, which stays; else one of its own, which goes */
export async function localGround(given?: string): Promise<LocalGround> {
  const folder = await mkdtemp(join(tmpdir(), 'drill-'));
  const dataDir = given ?? join(folder, 'data');
  const temporary = join(folder, 'tmp');
  await mkdir(temporary);
  const asked = <T>(name: string, ask: (db: DatabaseSync) => T): T => {
    const db = new DatabaseSync(join(dataDir, name), { readOnly: true, timeout: 10_000 });
    try {
      return ask(db);
    } finally {
      db.close();
    }
  };
  const count = (db: DatabaseSync, sql: string) => Number(db.prepare(sql).get()?.['n']);
  return {
    composition: 'local',
    dataDir,
    launch: (env) => startProcess({ TMPDIR: temporary, LOG_LEVEL: 'ERROR', ...env, DATA_DIR: dataDir }),
    async host(env, clock) {
      const config = readConfig({ SHUTDOWN_GRACE: '2000', LOG_LEVEL: 'ERROR', ...env, DATA_DIR: dataDir });
      const log = createLog({ level: config.logLevel, format: config.logFormat, write: () => undefined });
      const gateway = await createLocalGateway(config, log, clock);
      const door = await serveDoor(gateway.fetch);
      await gateway.start();
      return {
        url: door.url,
        async stop() {
          await door.stop(0);
          await gateway.stop();
        },
      };
    },
    messages: () => asked('queue.db', (db) => count(db, 'SELECT count(*) AS n FROM message')),
    // Its messages are due when it says so, and the clock is the gateway's.
    hurry: () => undefined,
    async leftovers() {
      const files = (await readdir(dataDir)).filter((name) => ![...FILES, 'secret', 'lost+found'].includes(name));
      const found = asked('jobs.db', (db) =>
        Object.entries(STORE_CHECKS).map(([name, sql]) => ({ name, count: count(db, sql) })),
      );
      return [
        ...files.map((name) => `the file ${name}`),
        ...(await readdir(temporary)).map((name) => `the temporary file ${name}`),
        ...found.filter(({ count }) => count > 0).map(({ name, count }) => `${count} ${name}`),
      ];
    },
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}
