import type { Database } from '../sqlite/database.ts';

/** Everything that the embedded store asks of its file. */
export function prepareStatements(db: Database) {
  return {
    byId: db.prepare('SELECT record, profile, credential FROM job WHERE id = ?'),
    byKey: db.prepare('SELECT id, fingerprint FROM job WHERE idempotency_key = ?'),
    version: db.prepare('SELECT version FROM job WHERE id = ?'),
    insert: db.prepare(
      `INSERT INTO job (id, owner, status, version, wake_at, idempotency_key, fingerprint, record, profile, credential)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    update: db.prepare(
      'UPDATE job SET status = ?, version = ?, wake_at = ?, webhook_at = ?, record = ?, credential = ? WHERE id = ?',
    ),
    remove: db.prepare('DELETE FROM job WHERE id = ?'),
    waiting: db.prepare('SELECT n FROM waiting WHERE owner = ?'),
    share: db.prepare('UPDATE job SET shared = 1 WHERE id = ?'),
    isShared: db.prepare('SELECT shared FROM job WHERE id = ?'),
    putBody: db.prepare('INSERT OR REPLACE INTO body_chunk (job_id, idx, bytes) VALUES (?, ?, ?)'),
    // What is to be erased, and may take a while to be, is gone for whoever reads.
    body: db.prepare(
      `SELECT bytes FROM body_chunk WHERE job_id = ?1 AND idx = ?2
         AND NOT EXISTS (SELECT 1 FROM orphan WHERE job_id = ?1 AND part = 'body' AND through > 0)`,
    ),
    putResult: db.prepare(
      'INSERT OR REPLACE INTO result_chunk (job_id, attempt, idx, events_before, bytes) VALUES (?, ?, ?, ?, ?)',
    ),
    results: db.prepare(
      `SELECT idx, events_before, bytes FROM result_chunk WHERE job_id = ?1 AND attempt = ?2 AND idx >= ?3
         AND attempt > coalesce((SELECT through FROM orphan WHERE job_id = ?1 AND part = 'result'), 0)
       ORDER BY idx LIMIT ?4`,
    ),
    chunkOfEvent: db.prepare(
      'SELECT coalesce(max(idx), 0) AS idx FROM result_chunk WHERE job_id = ? AND attempt = ? AND events_before <= ?',
    ),
    due: db.prepare(
      `SELECT record, profile FROM job WHERE status IN ('queued', 'in_progress') AND wake_at <= ? ORDER BY wake_at LIMIT ?`,
    ),
    snooze: db.prepare('UPDATE job SET wake_at = ? WHERE id = ?'),
    webhooks: db.prepare(
      'SELECT record, profile FROM job WHERE webhook_at IS NOT NULL AND webhook_at <= ? ORDER BY webhook_at LIMIT ?',
    ),
    snoozeWebhook: db.prepare('UPDATE job SET webhook_at = ? WHERE id = ?'),
    expired: db.prepare(
      `SELECT id FROM job WHERE status IN ('completed', 'failed', 'cancelled', 'expired') AND wake_at <= ? ORDER BY wake_at LIMIT ?`,
    ),
    counts: db.prepare(
      `SELECT status, count(*) AS n FROM job WHERE wake_at > ? OR status IN ('queued', 'in_progress') GROUP BY status`,
    ),
    seq: db.prepare('SELECT seq FROM job WHERE id = ?'),
  };
}
