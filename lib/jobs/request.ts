import { decodeBase64 } from 'hono/utils/encode';
import * as z from 'zod';
import type { Config } from '../config.ts';
import type { Caller, Identifier } from '../http/auth.ts';
import type { Body } from '../http/body.ts';
import { GatewayError } from '../http/errors.ts';
import { isObject, type Json, type JsonObject } from '../json.ts';
import { requireKey } from '../upstream/credential.ts';
import { forwardedHeaders } from '../upstream/headers.ts';
import { sentence } from './sentence.ts';
import type { Submission } from './submit.ts';
import { readTarget } from './target.ts';

/** Longest `ttl_s`: seven days. */
export const MAX_TTL_S = 604_800;
/** Longest `delay_s`, `not_before` and `cancel_after_s`, as far ahead as they may lie. */
const MAX_AHEAD_S = 604_800;
const MAX_TIMEOUT_S = 86_400;
const MAX_RETRIES = 20;
const MAX_METADATA_BYTES = 16_384;
const MAX_METADATA_DEPTH = 100;
/** A caller's own name of a field comes back in `param`, but no more of it than this. */
const MAX_PARAM = 100;
export const DEFAULT_RETRIES = 3;

const anyJson = z.custom<Json>((value) => value !== undefined);

/** What `POST /api/jobs` takes. */
export const jobRequest = z
  .strictObject({
    service: z.string(),
    path: z.string().regex(/^\/[\x21-\x7e]*$/, 'must begin with / and hold no spaces or control characters'),
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']).default('POST'),
    headers: z
      .record(
        z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be header names'),
        z.string().regex(/^[\t\x20-\x7e]*$/, 'must be printable header values'),
      )
      .default({}),
    /** An object or another JSON value is sent as JSON, a string as it is. */
    body: anyJson.optional(),
    body_base64: z.base64('must be base64').optional(),
    metadata: z.custom<JsonObject>(isObject, 'must be an object').default({}),
    /** Refused rather than ignored: nobody should wait for a call that does not come. */
    webhook: z.null('is not delivered by this version: poll the job, or hold the poll with ?wait').optional(),
    delay_s: z.int().min(0).max(MAX_AHEAD_S).optional(),
    not_before: z.int().min(0).optional(),
    retries: z.int().min(0).max(MAX_RETRIES).default(DEFAULT_RETRIES),
    timeout_s: z.int().min(1).max(MAX_TIMEOUT_S).optional(),
    cancel_after_s: z.int().min(1).max(MAX_AHEAD_S).optional(),
    ttl_s: z.int().min(1).max(MAX_TTL_S).optional(),
  })
  .refine((job) => job.delay_s === undefined || job.not_before === undefined, {
    message: 'cannot go with delay_s',
    path: ['not_before'],
  })
  .refine((job) => job.body === undefined || job.body_base64 === undefined, {
    message: 'cannot go with body',
    path: ['body_base64'],
  })
  .refine((job) => isWithin(job.metadata, MAX_METADATA_DEPTH), {
    message: `must not be nested deeper than ${MAX_METADATA_DEPTH}`,
    path: ['metadata'],
    abort: true,
  })
  .refine((job) => new TextEncoder().encode(JSON.stringify(job.metadata)).byteLength <= MAX_METADATA_BYTES, {
    message: `must have at most ${MAX_METADATA_BYTES} bytes`,
    path: ['metadata'],
  });

/** Told before it is written as JSON, for which the stack may be too short. */
function isWithin(value: Json | undefined, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((member) => isWithin(member, depth - 1));
}

/** Who submits, and where and when. */
export interface Submitting {
  readonly caller: Caller;
  readonly identifier: Pick<Identifier, 'isGatewayKey'>;
  readonly idempotencyKey: string | null;
  readonly config: Config;
  readonly now: number;
}

/**
 * A submission from the parsed body of `POST /api/jobs`.
 * @throws GatewayError `invalid_request` with the offending field in `param`
 */
export async function readSubmission(
  input: JsonObject,
  { caller, identifier, idempotencyKey, config, now }: Submitting,
): Promise<Submission> {
  const parsed = jobRequest.safeParse(input, { error: sentence });
  if (!parsed.success) throw refusal(parsed.error.issues[0]);
  const request = parsed.data;
  const service = config.services.get(request.service);
  if (service === undefined) throw invalid('service', 'is not the name of a configured service');
  requireKey(caller.credential, service, config);
  const dueAt = request.not_before === undefined ? now + (request.delay_s ?? 0) * 1000 : request.not_before * 1000;
  if (dueAt > now + MAX_AHEAD_S * 1000) throw invalid('not_before', 'lies more than seven days ahead');
  const { headers, body } = content(request);
  const { target, credential } = await readTarget(request.path, caller.credential, identifier);
  return {
    service,
    method: request.method,
    target,
    headers: forwardedHeaders(headers, service),
    credential,
    owners: await caller.owners(),
    body,
    json: isObject(request.body) ? request.body : null,
    idempotencyKey,
    options: {
      retries: request.retries,
      inPlace: false,
      timeoutMs: request.timeout_s === undefined ? config.jobTimeout : request.timeout_s * 1000,
      ttlMs: request.ttl_s === undefined ? config.jobTtl : request.ttl_s * 1000,
      dueAt: Math.max(now, dueAt),
      cancelAt: request.cancel_after_s === undefined ? null : now + request.cancel_after_s * 1000,
      metadata: request.metadata,
    },
  };
}

function content(request: z.infer<typeof jobRequest>): { headers: Headers; body: Body } {
  const headers = new Headers(request.headers);
  if (request.body_base64 !== undefined) {
    return { headers, body: whole(decodeBase64(request.body_base64)) };
  }
  if (request.body === undefined) return { headers, body: { kind: 'none' } };
  const text = typeof request.body === 'string' ? request.body : jsonText(request.body);
  const type = typeof request.body === 'string' ? 'text/plain; charset=utf-8' : 'application/json';
  if (!headers.has('content-type')) headers.set('content-type', type);
  return { headers, body: whole(new TextEncoder().encode(text)) };
}

function whole(bytes: Uint8Array<ArrayBuffer>): Body {
  return bytes.byteLength === 0 ? { kind: 'none' } : { kind: 'whole', bytes };
}

/** @throws GatewayError `invalid_json` where the value is nested deeper than the stack allows */
function jsonText(value: Json): string {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new GatewayError('invalid_json', { message: 'The body is nested too deeply.', param: 'body', cause });
  }
}

/** `param` names the place in the caller's words; the sentence only the field, which is ours. */
function refusal(issue: z.core.$ZodIssue | undefined): GatewayError {
  const [field, ...rest] = issue?.path ?? [];
  if (issue?.code === 'unrecognized_keys') {
    const param = (issue.keys[0] ?? '').slice(0, MAX_PARAM);
    return new GatewayError('invalid_request', { message: 'A job has no field of this name.', param });
  }
  const param = [field ?? '', ...rest].join('.').slice(0, MAX_PARAM);
  return invalid(String(field ?? ''), issue?.message ?? 'is not valid', param);
}

function invalid(field: string, message: string, param = field): GatewayError {
  return new GatewayError('invalid_request', { message: `${field === '' ? 'The body' : field} ${message}.`, param });
}
