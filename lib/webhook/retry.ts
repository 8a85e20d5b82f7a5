import { MAX_WEBHOOK_ATTEMPTS, type WebhookOutcome } from '../jobs/webhook.ts';
import { askedDelay } from '../upstream/retry.ts';

/** Seconds after the first delivery, the second …: within a day, as long as a job is kept by default. */
const DELAYS_S: readonly number[] = [5, 30, 120, 600, 1_800, 7_200, 21_600];
/** No receiver puts its own delivery off for longer. */
const LONGEST_MS = 21_600_000;

const GONE = 410;

/** What a delivery came to. */
export type WebhookReply =
  | { readonly kind: 'answered'; readonly status: number; readonly headers: Headers }
  /** No answer. */
  | { readonly kind: 'failed' };

/**
 * What follows on delivery number `deliveries` (from 1): 2xx is success, 410 the receiver's wish to hear no more; anything
 * else is tried again, later where the receiver says when, until the deliveries or the job's time are over.
 * @param random from [0, 1): waits are spread by a fifth, so that many jobs' receivers are not called all at once
 */
export function afterDelivery(
  reply: WebhookReply,
  deliveries: number,
  { now, random, expiresAt }: { readonly now: number; readonly random: number; readonly expiresAt: number },
): WebhookOutcome {
  if (reply.kind === 'answered' && reply.status >= 200 && reply.status <= 299) return { kind: 'delivered' };
  if (reply.kind === 'answered' && reply.status === GONE) return { kind: 'gone' };
  const delay = DELAYS_S[deliveries - 1];
  if (delay === undefined || deliveries >= MAX_WEBHOOK_ATTEMPTS) return { kind: 'failed' };
  const asked = reply.kind === 'answered' ? (askedDelay(reply.headers, now) ?? 0) : 0;
  const dueAt = now + Math.min(LONGEST_MS, Math.max(asked, Math.round(delay * 1_000 * (1 + random / 5))));
  return dueAt < expiresAt ? { kind: 'retry', dueAt } : { kind: 'failed' };
}
