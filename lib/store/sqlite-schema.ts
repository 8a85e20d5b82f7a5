/** Schema of `jobs.db`; STORAGE.md says what each column holds and for how long. */
export const migrations: readonly string[] = [
  `
  CREATE TABLE job (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT NOT NULL UNIQUE,
    owner           TEXT NOT NULL,
    status          TEXT NOT NULL,
    version         INTEGER NOT NULL,
    wake_at         INTEGER NOT NULL,
    idempotency_key TEXT UNIQUE,
    fingerprint     TEXT,
    record          TEXT NOT NULL,
    profile         BLOB NOT NULL,
    credential      BLOB
  ) STRICT;
  CREATE INDEX job_by_owner ON job (owner, seq);
  CREATE INDEX job_by_owner_and_status ON job (owner, status, seq);
  CREATE INDEX job_by_wake ON job (status, wake_at);

  CREATE TABLE body_chunk (
    job_id       TEXT NOT NULL,
    idx          INTEGER NOT NULL,
    orphan_since INTEGER,
    bytes        BLOB NOT NULL,
    UNIQUE (job_id, idx)
  ) STRICT;
  CREATE INDEX orphan_chunk ON body_chunk (orphan_since) WHERE orphan_since IS NOT NULL;

  CREATE TABLE result_chunk (
    job_id        TEXT NOT NULL,
    attempt       INTEGER NOT NULL,
    idx           INTEGER NOT NULL,
    events_before INTEGER NOT NULL,
    bytes         BLOB NOT NULL,
    UNIQUE (job_id, attempt, idx)
  ) STRICT;
  `,
  // The column orphan_since stays, unused: without it every chunk would have to be written anew.
  `
  CREATE TABLE orphan (
    job_id   TEXT NOT NULL,
    part     TEXT NOT NULL,
    through  INTEGER NOT NULL,
    erase_at INTEGER NOT NULL,
    PRIMARY KEY (job_id, part)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX orphan_by_time ON orphan (erase_at);
  INSERT INTO orphan (job_id, part, through, erase_at)
    SELECT job_id, 'body', 0, max(orphan_since) + 3600000 FROM body_chunk WHERE orphan_since IS NOT NULL GROUP BY job_id;
  DROP INDEX orphan_chunk;
  `,
  `
  ALTER TABLE job ADD COLUMN webhook_at INTEGER;
  ALTER TABLE job ADD COLUMN shared INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX job_by_webhook ON job (webhook_at) WHERE webhook_at IS NOT NULL;

  CREATE TABLE waiting (
    owner TEXT PRIMARY KEY,
    n     INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO waiting (owner, n) SELECT owner, count(*) FROM job WHERE status = 'queued' GROUP BY owner;
  INSERT INTO waiting (owner, n) SELECT '*', count(*) FROM job WHERE status = 'queued';
  CREATE TRIGGER job_comes AFTER INSERT ON job WHEN NEW.status = 'queued' BEGIN
    INSERT INTO waiting (owner, n) VALUES (NEW.owner, 1), ('*', 1) ON CONFLICT (owner) DO UPDATE SET n = n + 1;
  END;
  CREATE TRIGGER job_waits AFTER UPDATE OF status ON job WHEN NEW.status = 'queued' AND OLD.status <> 'queued' BEGIN
    INSERT INTO waiting (owner, n) VALUES (NEW.owner, 1), ('*', 1) ON CONFLICT (owner) DO UPDATE SET n = n + 1;
  END;
  CREATE TRIGGER job_moves AFTER UPDATE OF status ON job WHEN OLD.status = 'queued' AND NEW.status <> 'queued' BEGIN
    UPDATE waiting SET n = n - 1 WHERE owner IN (OLD.owner, '*');
    DELETE FROM waiting WHERE owner = OLD.owner AND n <= 0;
  END;
  CREATE TRIGGER job_goes AFTER DELETE ON job WHEN OLD.status = 'queued' BEGIN
    UPDATE waiting SET n = n - 1 WHERE owner IN (OLD.owner, '*');
    DELETE FROM waiting WHERE owner = OLD.owner AND n <= 0;
  END;
  `,
];
