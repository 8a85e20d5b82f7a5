import type { JsonObject } from '../json.ts';
import type { JobsContext } from './context.ts';
import { isEnded, type Job } from './job.ts';
import { openProfile, type Profile } from './profile.ts';

/** In place of a path that is itself a secret (bot tokens): `read_token` opens a job to others than who made it. */
const SECRET_PATH = '/…';

/** How a job, and any later version of it, is shown. */
export async function viewer(
  { config, secrets, clock }: Pick<JobsContext, 'config' | 'secrets' | 'clock'>,
  { id, service, profile }: Job,
  baseUrl: string,
): Promise<(job: Job) => JsonObject> {
  const { target, metadata } = await openProfile(secrets, id, profile);
  const path = config.services.get(service)?.secretPath ? SECRET_PATH : (target.split('?', 1)[0] ?? '');
  return (job) => viewJob(job, { path, metadata }, baseUrl, clock.now());
}

/** The job as its owner sees it (PROTOCOL.md, "The job"). Times become unix seconds. */
export function viewJob(
  job: Job,
  shown: Pick<Profile, 'metadata'> & { path: string },
  baseUrl: string,
  now: number,
): JsonObject {
  const ended = isEnded(job);
  const url = `${baseUrl}/api/jobs/${job.id}`;
  return {
    id: job.id,
    object: 'job',
    status: job.status,
    service: job.service,
    method: job.method,
    path: shown.path,
    model: job.model,
    created_at: seconds(job.createdAt),
    started_at: orNull(job.startedAt),
    completed_at: ended ? seconds(job.completedAt) : null,
    expires_at: seconds(job.expiresAt),
    attempts: job.attempts,
    next_attempt_at: job.status === 'queued' && job.dueAt > now ? seconds(job.dueAt) : null,
    cancel_requested_at: 'cancelRequestedAt' in job ? orNull(job.cancelRequestedAt) : null,
    response: job.status === 'completed' ? viewResponse(job.result) : null,
    usage: job.status === 'completed' ? job.usage : null,
    error: job.status === 'failed' ? viewError(job.error) : null,
    webhook: viewWebhook(job),
    metadata: shown.metadata,
    urls: { get: url, result: `${url}/result`, stream: `${url}/stream`, cancel: `${url}/cancel` },
  };
}

/** Not where it leads: that may itself be a secret, and the read token opens the job to others. */
function viewWebhook(job: Job): JsonObject | null {
  if (!job.hasWebhook) return null;
  const webhook = isEnded(job) ? job.webhook : null;
  const pending = isEnded(job) && webhook?.status === 'pending' ? job.webhookAt : null;
  return {
    status: webhook?.status ?? 'waiting',
    next_delivery_at: orNull(pending),
    deliveries: (webhook?.deliveries ?? []).map(({ at, durationMs, status, error }) => ({
      created_at: seconds(at),
      duration_ms: durationMs,
      status,
      error,
    })),
  };
}

function viewResponse(result: { status: number; contentType: string | null; size: number }): JsonObject {
  return { status: result.status, content_type: result.contentType, size: result.size };
}

function viewError(error: { message: string; type: string; code: string; upstreamStatus: number | null }): JsonObject {
  return { message: error.message, type: error.type, code: error.code, upstream_status: error.upstreamStatus };
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}

function orNull(ms: number | null): number | null {
  return ms === null ? null : seconds(ms);
}
