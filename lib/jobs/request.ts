import * as z from 'zod';
import type { Config } from '../config.ts';
import { type Asked, lookInto } from '../http/asked.ts';
import type { Caller, Identifier } from '../http/auth.ts';
import type { Body } from '../http/body.ts';
import { GatewayError } from '../http/errors.ts';
import { isObject, type JsonObject } from '../json.ts';
import { jsonStringBytes } from '../json-string.ts';
import { requireKey } from '../upstream/credential.ts';
import { forwardedHeaders } from '../upstream/headers.ts';
import { refusalOf } from '../webhook/url.ts';
import { base64Bytes } from './base64.ts';
import { readEnvelope } from './envelope.ts';
import { sentence } from './sentence.ts';
import type { Submission } from './submit.ts';
import { readTarget } from './target.ts';

/** Longest `ttl_s`: seven days. */
export const MAX_TTL_S = 604_800;
/** Longest `delay_s`, `not_before` and `cancel_after_s`, as far ahead as they may lie. */
const MAX_AHEAD_S = 604_800;
const MAX_TIMEOUT_S = 86_400;
const MAX_RETRIES = 20;
/** Every read of a job brings them along, and every look of a sweep those of hundreds of jobs. */
const MAX_PATH = 8_192;
const MAX_HEADERS = 32_768;
const MAX_METADATA_BYTES = 16_384;
const MAX_METADATA_DEPTH = 100;
/** A caller's own name of a field comes back in `param`, but no more of it than this. */
const MAX_PARAM = 100;
export const DEFAULT_RETRIES = 3;

const bytes = z.instanceof(Uint8Array<ArrayBuffer>);
const QUOTE = 0x22;

/** What `POST /api/jobs` takes. */
export const jobRequest = z
  .strictObject({
    service: z.string(),
    path: z
      .string()
      .max(MAX_PATH, `must have at most ${MAX_PATH} characters`)
      .regex(/^\/[\x21-\x7e]*$/, 'must begin with / and hold no spaces or control characters'),
    method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS']).default('POST'),
    headers: z
      .record(
        z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be header names'),
        z.string().regex(/^[\t\x20-\x7e]*$/, 'must be printable header values'),
      )
      .default({})
      .refine((headers) => sizeOf(headers) <= MAX_HEADERS, `must have at most ${MAX_HEADERS} characters`),
    /** The bytes of a JSON value: sent as they are spelled, but for a string, of which the text is sent. */
    body: bytes.optional(),
    /** The bytes of a JSON string. */
    body_base64: bytes.refine(([first]) => first === QUOTE, 'must be base64').optional(),
    metadata: z.custom<JsonObject>(isObject, 'must be an object').default({}),
    webhook: z.string().nullable().optional(),
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

/** Characters of all names and values. */
function sizeOf(headers: Readonly<Record<string, string>>): number {
  return Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
}

/** Told before it is written as JSON, for which the stack may be too short. */
function isWithin(value: JsonObject[string], depth: number): boolean {
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
  /** Where the caller reaches this gateway. */
  readonly baseUrl: string;
}

/**
 * A submission from the body of `POST /api/jobs`.
 * @throws GatewayError `invalid_json`; `invalid_request` with the offending field in `param`
 */
export async function readSubmission(
  json: Uint8Array<ArrayBuffer>,
  { caller, identifier, idempotencyKey, config, now, baseUrl }: Submitting,
): Promise<Submission> {
  const { fields, body: spelled, bodyBase64 } = readEnvelope(json);
  const input = {
    ...fields,
    ...(spelled === undefined ? {} : { body: spelled }),
    ...(bodyBase64 === undefined ? {} : { body_base64: bodyBase64 }),
  };
  const parsed = jobRequest.safeParse(input, { error: sentence });
  if (!parsed.success) throw refusal(parsed.error.issues[0]);
  const request = parsed.data;
  const service = config.services.get(request.service);
  if (service === undefined) throw invalid('service', 'is not the name of a configured service');
  requireKey(caller.credential, service, config);
  const dueAt = request.not_before === undefined ? now + (request.delay_s ?? 0) * 1000 : request.not_before * 1000;
  if (dueAt > now + MAX_AHEAD_S * 1000) throw invalid('not_before', 'lies more than seven days ahead');
  const webhook = request.webhook ?? null;
  const refused = webhook === null ? null : refusalOf(webhook, config);
  if (refused !== null) throw invalid('webhook', refused);
  const { headers, body, asked } = content(request);
  const { target, credential } = await readTarget(request.path, caller.credential, identifier);
  return {
    service,
    method: request.method,
    target,
    headers: forwardedHeaders(headers, service),
    credential,
    owners: await caller.accounts(),
    body,
    asked,
    idempotencyKey,
    collected: false,
    options: {
      retries: request.retries,
      inPlace: false,
      timeoutMs: request.timeout_s === undefined ? config.jobTimeout : request.timeout_s * 1000,
      ttlMs: request.ttl_s === undefined ? config.jobTtl : request.ttl_s * 1000,
      dueAt: Math.max(now, dueAt),
      cancelAt: request.cancel_after_s === undefined ? null : now + request.cancel_after_s * 1000,
      metadata: request.metadata,
      webhook: webhook === null ? null : { url: webhook, baseUrl },
    },
  };
}

interface Content {
  readonly headers: Headers;
  readonly body: Body;
  readonly asked: Asked | null;
}

function content(request: z.infer<typeof jobRequest>): Content {
  const headers = new Headers(request.headers);
  if (request.body_base64 !== undefined) {
    const decoded = base64Bytes(jsonStringBytes(request.body_base64));
    if (decoded === null) throw invalid('body_base64', 'must be base64');
    return { headers, body: whole(decoded), asked: null };
  }
  if (request.body === undefined) return { headers, body: { kind: 'none' }, asked: null };
  const isText = request.body[0] === QUOTE;
  if (!headers.has('content-type')) {
    headers.set('content-type', isText ? 'text/plain; charset=utf-8' : 'application/json');
  }
  return isText
    ? { headers, body: whole(jsonStringBytes(request.body)), asked: null }
    : { headers, body: whole(request.body), asked: lookInto(request.body) };
}

function whole(bytes: Uint8Array<ArrayBuffer>): Body {
  return bytes.byteLength === 0 ? { kind: 'none' } : { kind: 'whole', bytes };
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
