import { type EndedJob, isEnded, type Job, type Webhook, type WebhookDelivery } from './job.ts';

/** What a delivery of a webhook has come to. */
export type WebhookOutcome =
  | { readonly kind: 'delivered' }
  /** The receiver wants to hear no more. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'retry'; readonly dueAt: number }
  | { readonly kind: 'failed' };

export type WebhookClaim =
  | { readonly kind: 'claimed'; readonly job: EndedJob; readonly webhook: Webhook }
  /** Its time has not come, or another worker is at it. */
  | { readonly kind: 'early'; readonly dueAt: number }
  /** As many were begun as may be, and none came to its end: it is given up. */
  | { readonly kind: 'spent'; readonly job: EndedJob }
  | { readonly kind: 'nothing' };

/** Deliveries of one end at most. */
export const MAX_WEBHOOK_ATTEMPTS = 8;

/** Which delivery this is: of an earlier run of the job there may be another of the same number. */
export interface WebhookAttempt {
  readonly generation: number;
  readonly attempt: number;
}

/** Gives the webhook's next delivery to a worker, which has `leaseMs` for it. */
export function claimWebhook(job: Job, now: number, leaseMs: number): WebhookClaim {
  if (!isEnded(job) || job.webhook === null || job.webhookAt === null) return { kind: 'nothing' };
  if (job.webhookAt > now) return { kind: 'early', dueAt: job.webhookAt };
  if (job.webhook.attempts >= MAX_WEBHOOK_ATTEMPTS) {
    const given = { ...job.webhook, status: 'failed' } as const;
    return { kind: 'spent', job: { ...job, version: job.version + 1, webhook: given, webhookAt: null } };
  }
  const webhook = { ...job.webhook, attempts: job.webhook.attempts + 1 };
  return { kind: 'claimed', webhook, job: { ...job, version: job.version + 1, webhook, webhookAt: now + leaseMs } };
}

/** The job after a delivery; the same where that is not the latest any more, or has been settled before. */
export function settleWebhook(
  job: Job,
  { generation, attempt }: WebhookAttempt,
  outcome: WebhookOutcome,
  delivery: WebhookDelivery,
): Job {
  if (!isEnded(job) || job.webhook?.status !== 'pending' || job.generation !== generation) return job;
  if (job.webhook.attempts !== attempt || job.webhook.settled === attempt) return job;
  const { kind } = outcome;
  const webhook: Webhook = {
    ...job.webhook,
    settled: attempt,
    status: kind === 'retry' ? 'pending' : kind,
    deliveries: [...job.webhook.deliveries, delivery],
  };
  return { ...job, version: job.version + 1, webhook, webhookAt: kind === 'retry' ? outcome.dueAt : null };
}

/** Whether this delivery was settled, by whomever was told of it or not. */
export function isWebhookSettled(job: Job, { generation, attempt }: WebhookAttempt): job is EndedJob {
  return isEnded(job) && job.generation === generation && job.webhook?.settled === attempt;
}
