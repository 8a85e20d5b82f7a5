import { GatewayError } from '../http/errors.ts';
import { loadBody } from '../jobs/chunks.ts';
import type { Outcome } from '../jobs/job.ts';
import { openCredential, openProfile } from '../jobs/profile.ts';
import type { Claimed, NewChunk } from '../store/store.ts';
import type { UpstreamCall } from '../upstream/call.ts';
import { headersWithKey, serviceKeyFor, targetWithKey } from '../upstream/credential.ts';
import type { DeliveryContext } from './context.ts';
import { AttemptStopped } from './lease.ts';
import { isLost, resultNotStored } from './lost-answers.ts';
import { afterAnswer, afterFault, retryAfterAnswer } from './outcome.ts';
import { record } from './record.ts';

export interface Attempt {
  readonly outcome: Outcome;
  readonly last: NewChunk | null;
}

type ClaimedJob = Extract<Claimed, { kind: 'claimed' }>;

/** Makes the call once, stores what comes of it, and says how the attempt ended. */
export async function runAttempt(context: DeliveryContext, claimed: ClaimedJob, signal: AbortSignal): Promise<Attempt> {
  const { job } = claimed;
  if (isLost(context.store, job)) return { outcome: resultNotStored(), last: null };
  const moment = () => ({ now: context.clock.now(), random: Math.random() });
  let answered = false;
  try {
    const response = await context.upstream(await buildCall(context, claimed, signal));
    answered = true;
    const dueAt = retryAfterAnswer(job, response.status, response.headers, moment());
    if (dueAt !== null) {
      await response.body?.cancel();
      return { outcome: { kind: 'retry', dueAt }, last: null };
    }
    const { result, usage, last } = await record(context, job, response);
    return { outcome: afterAnswer(result, usage), last };
  } catch (error) {
    if (signal.aborted) return { outcome: stopped(signal.reason), last: null };
    if (error instanceof AttemptStopped) return { outcome: stopped(error), last: null };
    // A fault of our own before the call: the delivery fails, and the job is run again when its lease has run out. After
    // the provider's answer that would be paid for once more, and most likely end the same way.
    if (!(error instanceof GatewayError) && !answered) throw error;
    const fault = error instanceof GatewayError ? error : new GatewayError('internal', { cause: error });
    const at = fault.code === 'internal' ? 'error' : 'warn';
    context.log[at]('attempt failed', { job: job.id, service: job.service, attempt: job.attempts, error });
    return { outcome: afterFault(job, fault, moment()), last: null };
  }
}

function stopped(reason: unknown): Outcome {
  return reason instanceof AttemptStopped && reason.why === 'cancelled' ? { kind: 'cancelled' } : { kind: 'released' };
}

async function buildCall(context: DeliveryContext, claimed: ClaimedJob, signal: AbortSignal): Promise<UpstreamCall> {
  const { config, secrets } = context;
  const { job, credential } = claimed;
  const service = config.services.get(job.service);
  if (service === undefined) throw new GatewayError('service_not_found');
  const profile = await openProfile(secrets, job.id, job.profile);
  const stored = credential === null ? null : await openCredential(secrets, job.id, credential);
  const key = profile.usesServiceKey ? serviceKeyFor(service, profile.target, config) : stored;
  const headers = headersWithKey(new Headers([...profile.headers, ...(stored?.headers ?? [])]), key, service, config);
  // The result is read by others than the client that made the job, and looked into: by RFC 9110 (12.5.3) a provider
  // that is told nothing may compress.
  headers.set('accept-encoding', 'identity');
  const body = await loadBody(context, job, claimed.body);
  // Its length is known: not every provider takes a chunked request.
  if (body instanceof ReadableStream) headers.set('content-length', String(job.request.size));
  // A function that is ended in the midst of an attempt would have the call made, and paid for, again.
  const budget = Math.min(job.timeoutMs, Math.max(0, config.attemptLimit - context.time.taken()));
  return {
    service,
    method: job.method,
    target: targetWithKey(profile.target, key),
    headers,
    body,
    deadlines: {
      firstByte: budget,
      idle: Math.min(budget, config.streamIdleTimeout),
      total: budget,
    },
    maxSize: config.maxResultSize,
    retries: 0,
    signal,
  };
}
