import { nanoid } from 'nanoid';
import type { Asked } from '../http/asked.ts';
import type { Credential } from '../http/auth.ts';
import type { Body } from '../http/body.ts';
import { GatewayError } from '../http/errors.ts';
import { withoutStream } from '../http/json-body.ts';
import { overLimit } from '../http/rate-headers.ts';
import type { JsonObject } from '../json.ts';
import { wholeTarget } from '../replay/formats.ts';
import { REPLAY_VERSION } from '../replay/version.ts';
import type { Created, Idempotency, NamedRequest, NewJob, WaitingLimits, Withdrawn } from '../store/store.ts';
import type { Service } from '../upstream/services.ts';
import { CHUNK_SIZE, digestOf, storeBody } from './chunks.ts';
import type { JobsContext } from './context.ts';
import { askedWhole } from './form.ts';
import type { Job, QueuedJob } from './job.ts';
import { type Profile, type StoredCredential, sealCredential, sealProfile, splitHeaders } from './profile.ts';
import { JOINED_MS, repair, sendJob } from './send.ts';
import { insist, tidy, unavailable } from './unavailable.ts';

/** A call that is to be run as a job. */
export interface Submission {
  readonly service: Service;
  readonly method: string;
  /** Path and query at the provider. */
  readonly target: string;
  /** For the provider, without the credential. */
  readonly headers: Headers;
  readonly credential: Credential;
  readonly owners: readonly string[];
  readonly body: Body;
  /** Of a JSON body: its model is shown, its stream options do not make it another request. */
  readonly asked: Asked | null;
  readonly idempotencyKey: string | null;
  /** The provider is asked for a stream, and the caller wants the one completion that it spells. */
  readonly collected: boolean;
  readonly options: JobOptions;
}

export interface JobOptions {
  readonly retries: number;
  /** The caller waits for the answer: see `Job.inPlace`. */
  readonly inPlace: boolean;
  readonly timeoutMs: number;
  readonly ttlMs: number;
  /** Unix ms; not run before. */
  readonly dueAt: number;
  /** Unix ms; cancelled then unless it has ended. */
  readonly cancelAt: number | null;
  readonly metadata: JsonObject;
  /** Told of the end, with links that begin with `baseUrl`. */
  readonly webhook: { readonly url: string; readonly baseUrl: string } | null;
}

export interface Submitted {
  /** `false`: this request had been made before under the same Idempotency-Key. */
  readonly created: boolean;
  readonly job: Job;
}

/** 144 bits from the system's random numbers. */
const ID_LENGTH = 24;

/**
 * Stores the call and queues it; when this resolves the job survives whatever happens to this process.
 * @throws GatewayError `idempotency_conflict` when the key stands for another request; `unavailable` when the job could
 * be stored or queued nowhere
 */
export async function submit(context: JobsContext, incoming: Submission): Promise<Submitted> {
  const submission = incoming.service.supportsStreaming ? incoming : askedWhole(incoming);
  const { store, secrets, config } = context;
  await refuseLong(context, submission);
  const id = `job_${nanoid(ID_LENGTH)}`;
  const { plain, secret } = splitHeaders(submission.headers);
  const profile: Profile = {
    target: submission.target,
    headers: plain,
    metadata: submission.options.metadata,
    usesServiceKey: submission.credential.kind === 'service',
    collected: submission.collected,
    webhook: submission.options.webhook,
  };
  const dropBody = () => tidy(context, id, () => store.dropBody(id));
  const body = await storeBody(context, id, submission.body).catch(async (error) => {
    await dropBody();
    throw unavailable(error);
  });
  const made: NewJob = {
    job: newJob(context, id, submission, body, await sealProfile(secrets, id, profile)),
    credential: await sealOwn(context, id, submission.credential, secret),
    body: body.inline,
    idempotency: await idempotency(context, submission, body.digest),
    limits: { all: config.maxQueuedJobs, caller: config.maxQueuedJobsPerCaller },
  };
  const created = await store.create(made).catch(async (error): Promise<Created> => {
    // The store may have made it and only its answer been lost.
    const left = await withdraw(context, id);
    if (left?.kind === 'kept') {
      const { job } = left;
      return job.status === 'queued' ? { kind: 'created', job } : { kind: 'duplicate', job };
    }
    if (body.inline === null) await dropBody();
    throw unavailable(error);
  });
  if (created.kind !== 'created') {
    if (body.inline === null) await dropBody();
    if (created.kind === 'full') throw tooMany(context, created.scope);
    if (created.kind === 'conflict') throw new GatewayError('idempotency_conflict', { param: 'Idempotency-Key' });
    return { created: false, job: await repair(context, created.job, JOINED_MS) };
  }
  return { created: true, job: await sent(context, created.job) };
}

/** A long body is stored before its job: not where there is no room for that. */
async function refuseLong(context: JobsContext, { body, owners, idempotencyKey }: Submission): Promise<void> {
  // A repeat under a key makes no job of its own.
  if (idempotencyKey !== null || body.kind === 'none') return;
  if (body.kind === 'whole' && body.bytes.byteLength <= CHUNK_SIZE) return;
  await refuseTooMany(context, owners[0] ?? '');
}

/** @throws GatewayError `too_many_jobs` where as many jobs wait as may; `unavailable` */
export async function refuseTooMany(context: JobsContext, owner: string): Promise<void> {
  const { maxQueuedJobs, maxQueuedJobsPerCaller } = context.config;
  const waiting = await context.store.waiting(owner).catch((error) => {
    throw unavailable(error);
  });
  if (waiting.all >= maxQueuedJobs) throw tooMany(context, 'all');
  if (waiting.caller >= maxQueuedJobsPerCaller) throw tooMany(context, 'caller');
}

/** Seconds after which it is worth coming again: jobs end all the time. */
const COME_AGAIN_S = 5;

function tooMany({ config }: JobsContext, scope: keyof WaitingLimits): GatewayError {
  const limit = scope === 'all' ? config.maxQueuedJobs : config.maxQueuedJobsPerCaller;
  const policy = { name: scope === 'all' ? 'queued-jobs' : 'queued-jobs-per-caller', limit };
  return new GatewayError('too_many_jobs', { headers: overLimit(policy, COME_AGAIN_S) });
}

/** The job with its message sent. The queue may have taken it and only its word been lost: then a worker may be at it. */
async function sent(context: JobsContext, job: Job): Promise<Job> {
  try {
    await sendJob(context, job);
    return job;
  } catch (error) {
    const left = await withdraw(context, job.id);
    if (left?.kind === 'withdrawn') throw unavailable(error);
    // It is stored, and will be run: the sweep sends it. Its caller, told that it was refused, would have it run again.
    context.log.warn('a job was accepted without a message', { job: job.id, error });
    return left?.job ?? job;
  }
}

function newJob(
  { clock, config }: JobsContext,
  id: string,
  submission: Submission,
  body: { chunks: number; size: number },
  profile: Uint8Array,
): QueuedJob {
  const { options, asked } = submission;
  const now = clock.now();
  return {
    status: 'queued',
    id,
    owner: submission.owners[0] ?? '',
    service: submission.service.name,
    method: submission.method,
    model: asked?.model?.slice(0, 200) ?? null,
    createdAt: now,
    expiresAt: Math.max(now, options.dueAt) + options.ttlMs,
    ttlMs: options.ttlMs,
    timeoutMs: options.timeoutMs,
    retries: options.retries,
    inPlace: options.inPlace,
    hasWebhook: options.webhook !== null,
    cut: { version: REPLAY_VERSION, length: config.chunkTargetLength },
    cancelAt: options.cancelAt,
    attempts: 0,
    failures: 0,
    losses: 0,
    giveUps: 0,
    version: 1,
    generation: 1,
    profile,
    request: { chunks: body.chunks, size: body.size },
    startedAt: null,
    progress: null,
    dueAt: options.dueAt,
  };
}

/** The caller's credential, sealed; `null` where there is none or the worker takes it from its environment. */
async function sealOwn({ secrets }: JobsContext, id: string, credential: Credential, headers: [string, string][]) {
  const stored: StoredCredential = {
    header: credential.kind === 'header' ? { name: credential.name, value: credential.value } : null,
    query: credential.kind === 'query' ? credential.value : null,
    headers,
  };
  if (stored.header === null && stored.query === null && headers.length === 0) return null;
  return sealCredential(secrets, id, stored);
}

/** The credential of a caller who has a job run again. */
export function sealCallerCredential(context: JobsContext, id: string, credential: Credential, headers: Headers) {
  return sealOwn(context, id, credential, splitHeaders(headers).secret);
}

/**
 * Two requests are the same where their bytes are, but for what asks for a stream and for white space in a JSON object:
 * parsed, numbers that JavaScript cannot tell apart and bytes that are no UTF-8 would be taken for each other.
 */
async function idempotency(
  { secrets }: JobsContext,
  { idempotencyKey, owners, service, method, target, asked, body }: Submission,
  bodyDigest: string,
): Promise<Idempotency | null> {
  if (idempotencyKey === null) return null;
  const pieces = asked !== null && body.kind === 'whole' ? withoutStream(body.bytes) : null;
  const content = pieces === null ? bodyDigest : `json ${await digestOf(pieces)}`;
  const fingerprints = await secrets.hashes(
    'fingerprint',
    JSON.stringify([service.name, method, wholeTarget(target), content]),
  );
  // While GATEWAY_SECRET is being rotated: under each secret, the caller's owner hash of that secret.
  const named = fingerprints.map(async (fingerprint, at): Promise<NamedRequest> => {
    const keys = await secrets.hashes('idempotency-key', JSON.stringify([owners[at], idempotencyKey]));
    return { key: keys[at] ?? '', fingerprint };
  });
  const [current, ...earlier] = await Promise.all(named);
  return current === undefined ? null : { ...current, earlier };
}

/** Takes back a job that could not be accepted, which must not stay behind; `null` where the store does not answer. */
async function withdraw(context: JobsContext, id: string): Promise<Withdrawn | null> {
  const withdrawn = await insist(context, id, () => context.store.withdraw(id));
  return withdrawn === 'unanswered' ? null : withdrawn;
}
