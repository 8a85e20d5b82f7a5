import * as z from 'zod';
import { isEnded, type Job } from '../jobs/job.ts';
import { isObject, type JsonObject } from '../json.ts';

const progress = z.object({
  chunks: z.int(),
  size: z.int(),
  attempt: z.int(),
  events: z.int().nullable(),
});
const result = progress.extend({
  status: z.int(),
  contentType: z.string().nullable(),
  contentEncoding: z.string().nullable(),
});
const error = z.object({
  message: z.string(),
  type: z.string(),
  code: z.string(),
  upstreamStatus: z.int().nullable(),
});
const object = z.custom<JsonObject>(isObject);
const webhook = z.object({
  status: z.enum(['pending', 'delivered', 'gone', 'failed']),
  attempts: z.int(),
  settled: z.int(),
  deliveries: z.array(
    z.object({ at: z.int(), durationMs: z.int(), status: z.int().nullable(), error: z.string().nullable() }),
  ),
});

const facts = z.object({
  id: z.string(),
  owner: z.string(),
  service: z.string(),
  method: z.string(),
  model: z.string().nullable(),
  createdAt: z.int(),
  expiresAt: z.int(),
  ttlMs: z.int(),
  timeoutMs: z.int(),
  retries: z.int(),
  // Older records do not say.
  inPlace: z.boolean().default(false),
  hasWebhook: z.boolean().default(false),
  // Older records do not say: the rules and the default length of their time.
  cut: z.object({ version: z.int(), length: z.int() }).default({ version: 2, length: 30 }),
  cancelAt: z.int().nullable(),
  attempts: z.int(),
  failures: z.int(),
  losses: z.int(),
  // Older records do not say.
  giveUps: z.int().default(0),
  version: z.int(),
  // Older records do not say.
  generation: z.int().default(1),
  request: z.object({ chunks: z.int(), size: z.int() }),
  startedAt: z.int().nullable(),
  progress: progress.nullable(),
});
const ended = facts.extend({
  completedAt: z.int(),
  webhook: webhook.nullable().default(null),
  webhookAt: z.int().nullable().default(null),
});

const record = z.discriminatedUnion('status', [
  facts.extend({ status: z.literal('queued'), dueAt: z.int() }),
  facts.extend({
    status: z.literal('in_progress'),
    startedAt: z.int(),
    leaseUntil: z.int(),
    cancelRequestedAt: z.int().nullable(),
  }),
  ended.extend({ status: z.literal('completed'), result, usage: object.nullable() }),
  ended.extend({ status: z.literal('failed'), error, result: result.nullable() }),
  ended.extend({ status: z.literal('cancelled'), cancelRequestedAt: z.int() }),
  ended.extend({ status: z.literal('expired') }),
]);

/** A job as text for a store; the sealed profile is bytes and is kept beside it. */
export function encodeJob(job: Job): string {
  const { profile: _, ...rest } = job;
  return JSON.stringify(rest);
}

/** The reverse of {@link encodeJob}; throws where the text is no job of this version. */
export function decodeJob(text: string, profile: Uint8Array): Job {
  return parseJob(JSON.parse(text), profile);
}

/** A job from the members of its record. */
export function parseJob(members: unknown, profile: Uint8Array): Job {
  return { ...record.parse(members), profile };
}

/** When the webhook of an ended job should be looked after (unix ms); `null` where there is nothing to do. */
export function webhookAt(job: Job): number | null {
  return isEnded(job) ? job.webhookAt : null;
}

/** When a sweep should next look at the job (unix ms). */
export function wakeAt(job: Job): number {
  if (isEnded(job)) return job.expiresAt;
  const end = job.cancelAt ?? Number.MAX_SAFE_INTEGER;
  return job.status === 'in_progress' ? job.leaseUntil : Math.min(job.dueAt, job.expiresAt, end);
}
