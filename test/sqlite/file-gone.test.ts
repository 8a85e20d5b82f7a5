import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Database, DatabaseGone, integer } from '../../lib/sqlite/database.ts';
import { errorIn } from '../harness/client.ts';
import { startGateway } from '../harness/gateway.ts';
import { startStand } from '../harness/stand.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gone-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a database file', () => {
  let path: string;
  let told: string[];
  let db: Database;
  beforeEach(() => {
    path = join(folder, 'some.db');
    told = [];
    const migrations = ['CREATE TABLE number (n INTEGER)'];
    db = new Database({ path, synchronous: 'FULL', migrations, onGone: (gone) => told.push(gone) });
  });
  afterEach(() => db.close());
  const write = () => db.write(() => db.prepare('INSERT INTO number VALUES (1)').run());

  it('that was deleted takes no write, and says so once', async () => {
    await write();
    await rm(path);
    await expect(write()).rejects.toThrow(DatabaseGone);
    await expect(Promise.all([write(), write()])).rejects.toThrow(DatabaseGone);
    expect(told).toEqual([path]);
  });

  it('that was replaced takes no write until it is back', async () => {
    await rename(path, `${path}.away`);
    await copyFile(`${path}.away`, path);
    await expect(write()).rejects.toThrow(DatabaseGone);
    await rename(`${path}.away`, path);
    await write();
    expect(integer(db.prepare('SELECT count(*) AS n FROM number').get() ?? {}, 'n')).toBe(1);
  });
});

it('a gateway whose DATA_DIR is removed accepts nothing, says why, and is well after its next start', async () => {
  const stand = await startStand(startGateway);
  const caller = stand.caller('sk-gone');
  const path = stand.on('/things', (_request, response) => void response.end('done'));
  await caller.ended((await caller.submit(path)).id);

  await rm(stand.gateway.data, { recursive: true });
  const refused = await caller.post('/api/jobs', { service: 'local', path, body: 1 });
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).not.toBeNull();
  expect((await errorIn(refused)).code).toBe('unavailable');
  expect(stand.gateway.lines.filter((line) => line.includes('was deleted or replaced'))).toHaveLength(1);
  expect(stand.received(path)).toHaveLength(1);

  await stand.gateway.stop({ keepData: true });
  const again = await startStand((options) => startGateway({ ...options, data: stand.gateway.data }));
  const other = again.on('/things', (_request, response) => void response.end('done'));
  const { id } = await again.caller('sk-gone').submit(other);
  expect(await again.caller('sk-gone').ended(id)).toMatchObject({ status: 'completed' });
  await again.stop();
  await stand.stop();
});
