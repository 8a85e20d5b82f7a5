import type { EndedJob, WebhookDelivery } from '../jobs/job.ts';
import { openProfile } from '../jobs/profile.ts';
import { upstreamFault } from '../upstream/faults.ts';
import { webhookRequest } from '../webhook/event.ts';
import type { WebhookPost } from '../webhook/post.ts';
import { afterDelivery, type WebhookReply } from '../webhook/retry.ts';
import { refusalOf } from '../webhook/url.ts';
import type { DeliveryContext } from './context.ts';
import { patiently } from './patiently.ts';
import { done, later, sendOn } from './said.ts';

/** What a delivery may take beyond its receiver's time: opened, settled, and a store that is slow. */
const LEASE_MARGIN_MS = 20_000;

/**
 * One delivery of an ended job's webhook. It is made at least once: a worker that dies after the receiver's answer makes
 * another, under the same `webhook-id`.
 */
export async function notify(context: DeliveryContext, { id }: EndedJob): Promise<Response> {
  const { store, clock, config } = context;
  const claimed = await store.claimWebhook(id, config.webhookTimeout + LEASE_MARGIN_MS);
  if (claimed.kind === 'nothing') return done('told');
  if (claimed.kind === 'early') return later(claimed.dueAt - clock.now());
  if (claimed.kind === 'spent') return done('given up');
  const { job } = claimed;
  const { attempts } = claimed.webhook;
  const attempt = { generation: job.generation, attempt: attempts };
  const { reply, delivery } = await call(context, job);
  const moment = { now: clock.now(), random: Math.random(), expiresAt: job.expiresAt };
  const outcome = afterDelivery(reply, attempts, moment);
  const settled = await patiently(() => store.settleWebhook(id, attempt, outcome, delivery), context, { job: id });
  context.log.info('webhook called', { job: id, delivery: attempts, status: delivery.status, outcome: outcome.kind });
  return settled === null ? done('gone') : sendOn(context, settled);
}

async function call(
  context: DeliveryContext,
  job: EndedJob,
): Promise<{ reply: WebhookReply; delivery: WebhookDelivery }> {
  const { clock, log } = context;
  const at = clock.now();
  const startedAt = performance.now();
  const delivery = (status: number | null, error: string | null): WebhookDelivery => {
    return { at, durationMs: Math.round(performance.now() - startedAt), status, error };
  };
  try {
    const post = await requestOf(context, job, at);
    if (post === null) return { reply: { kind: 'failed' }, delivery: delivery(null, 'not_allowed') };
    const { status, headers } = await context.postWebhook(post);
    return { reply: { kind: 'answered', status, headers }, delivery: delivery(status, null) };
  } catch (error) {
    log.warn('a webhook could not be called', { job: job.id, error });
    return { reply: { kind: 'failed' }, delivery: delivery(null, nameOf(error)) };
  }
}

/** `null` where the settings do not allow it any more. */
async function requestOf(
  { config, secrets }: DeliveryContext,
  job: EndedJob,
  now: number,
): Promise<WebhookPost | null> {
  const { webhook } = await openProfile(secrets, job.id, job.profile);
  const { webhookSecret, webhookTimeout } = config;
  if (webhook === null || webhookSecret === null || refusalOf(webhook.url, config) !== null) return null;
  const get = `${webhook.baseUrl}/api/jobs/${job.id}`;
  const event = {
    // A job that is run again comes to another end.
    id: `evt_${job.id.slice('job_'.length)}_${job.generation}`,
    status: job.status,
    jobId: job.id,
    urls: { get, result: `${get}/result`, stream: `${get}/stream` },
    at: job.completedAt,
  };
  return { url: webhook.url, timeoutMs: webhookTimeout, ...webhookRequest(event, webhookSecret, now) };
}

/** By codes and classes, as a provider's faults are: no word of a message, which may quote the URL. */
function nameOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'timeout';
  if (error instanceof Error && 'code' in error && error.code === 'ERR_ADDRESS_REFUSED') return 'address_refused';
  return upstreamFault(error).code.replace(/^upstream_/, '');
}
