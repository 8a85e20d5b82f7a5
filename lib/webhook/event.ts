import { Webhook } from 'standardwebhooks';
import type { JobStatus } from '../jobs/job.ts';
import { VERSION } from '../version.ts';

/** What a receiver is told: that a job has come to its end, and where to read of it. */
export interface WebhookEvent {
  /** `evt_…`: the same for every delivery of this end. */
  readonly id: string;
  readonly status: JobStatus;
  readonly jobId: string;
  readonly urls: Readonly<Record<'get' | 'result' | 'stream', string>>;
  /** Unix ms: when the job ended. */
  readonly at: number;
}

/** The body, and headers as of Standard Webhooks (https://www.standardwebhooks.com), signed for this delivery's time. */
export function webhookRequest(event: WebhookEvent, secret: string, now: number) {
  const { id, status, jobId, urls, at } = event;
  const createdAt = Math.floor(at / 1000);
  const data = { id: jobId, status, urls };
  const body = JSON.stringify({ id, object: 'event', type: `job.${status}`, created_at: createdAt, data });
  const timestamp = new Date(now);
  const headers = {
    'content-type': 'application/json',
    'user-agent': `llm-job-gateway/${VERSION}`,
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(now / 1000)),
    'webhook-signature': new Webhook(secret).sign(id, timestamp, body),
  };
  return { body, headers };
}
