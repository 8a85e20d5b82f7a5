import type { Json, JsonObject } from '../json.ts';

export type ErrorType =
  | 'TIMEOUT'
  | 'NETWORK'
  | 'DNS'
  | 'CONNECTION'
  | 'SSL'
  | 'SIZE_LIMIT'
  | 'UNKNOWN'
  | 'INVALID_REQUEST'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'RATE_LIMIT'
  | 'UNAVAILABLE';

/**
 * Every error that the gateway itself answers. `called` marks those after which the provider may have done the work:
 * they carry `x-should-retry: false`, so that no SDK pays for it again by itself.
 */
export const CATALOGUE = {
  invalid_request: { status: 400, type: 'INVALID_REQUEST', message: 'The request is not valid.' },
  invalid_json: { status: 400, type: 'INVALID_REQUEST', message: 'The body is not a valid JSON object.' },
  body_interrupted: { status: 400, type: 'INVALID_REQUEST', message: 'The body ended before it was complete.' },
  request_timeout: { status: 408, type: 'TIMEOUT', message: 'The request took too long to arrive.' },
  headers_too_large: { status: 431, type: 'SIZE_LIMIT', message: 'The path and headers are larger than 16 KiB.' },
  gateway_key_required: { status: 401, type: 'UNAUTHORIZED', message: 'This gateway takes only its own keys.' },
  credential_required: {
    status: 401,
    type: 'UNAUTHORIZED',
    message: 'An Idempotency-Key belongs to its caller: send a key by which this gateway can tell you from others.',
  },
  delivery_unauthorized: { status: 401, type: 'UNAUTHORIZED', message: 'Only the queue may call this.' },
  forward_unauthorized: {
    status: 401,
    type: 'UNAUTHORIZED',
    message: "Only the gateway's own edge function may call this.",
  },
  not_found: { status: 404, type: 'NOT_FOUND', message: 'There is nothing at this path.' },
  service_not_found: { status: 404, type: 'NOT_FOUND', message: 'No service of this name is configured.' },
  job_not_found: { status: 404, type: 'NOT_FOUND', message: 'There is no such job.' },
  method_not_allowed: { status: 405, type: 'INVALID_REQUEST', message: 'This path does not take this method.' },
  job_not_finished: { status: 409, type: 'CONFLICT', message: 'The job has not finished yet.' },
  job_not_retryable: {
    status: 409,
    type: 'CONFLICT',
    message: 'Only a failed, expired or cancelled job can be run again.',
  },
  job_cancelled: { status: 410, type: 'CONFLICT', message: 'The job was cancelled.' },
  job_expired: { status: 410, type: 'CONFLICT', message: 'The job expired before it was run.' },
  stream_unsupported: { status: 409, type: 'CONFLICT', message: 'The result of this job cannot be given as a stream.' },
  request_too_large: { status: 413, type: 'SIZE_LIMIT', message: 'The body is larger than MAX_REQUEST_SIZE allows.' },
  idempotency_conflict: {
    status: 422,
    type: 'CONFLICT',
    message: 'This Idempotency-Key was used before with another request.',
  },
  too_many_jobs: {
    status: 429,
    type: 'RATE_LIMIT',
    message: 'As many jobs wait to be run as this gateway takes: nothing was stored.',
  },
  too_many_streams: {
    status: 429,
    type: 'RATE_LIMIT',
    message: 'As many streams are open as this gateway takes: nothing was called.',
  },
  rate_limited: {
    status: 429,
    type: 'RATE_LIMIT',
    message: 'This caller has sent as many requests as it may for now.',
  },
  secret_unknown: {
    status: 500,
    type: 'UNKNOWN',
    message: 'What is stored was sealed with a secret that is neither GATEWAY_SECRET nor GATEWAY_SECRET_PREVIOUS.',
  },
  internal: { status: 500, type: 'UNKNOWN', message: 'The gateway failed. The request id helps to find out why.' },
  result_not_stored: {
    status: 500,
    type: 'UNKNOWN',
    message: "The provider's answer could not be stored.",
    called: true,
  },
  upstream_reset: {
    status: 502,
    type: 'NETWORK',
    message: 'The connection to the provider broke before its answer was complete.',
    called: true,
  },
  upstream_malformed: {
    status: 502,
    type: 'NETWORK',
    message: 'The provider sent something that is not what its interface promises.',
    called: true,
  },
  upstream_connection: { status: 502, type: 'CONNECTION', message: 'The provider could not be reached.' },
  upstream_dns: { status: 502, type: 'DNS', message: "The provider's host name could not be resolved." },
  upstream_tls: { status: 502, type: 'SSL', message: 'No secure connection to the provider could be made.' },
  background_lost: {
    status: 502,
    type: 'NETWORK',
    message: 'The background function ended before it answered; the provider may have been called.',
    called: true,
  },
  response_too_large: {
    status: 502,
    type: 'SIZE_LIMIT',
    message: "The provider's answer is larger than this gateway allows.",
    called: true,
  },
  misconfigured: { status: 503, type: 'UNAVAILABLE', message: 'The gateway is not configured: see /api/status.' },
  unavailable: { status: 503, type: 'UNAVAILABLE', message: 'The gateway cannot take this now; try again later.' },
  service_key_missing: {
    status: 503,
    type: 'UNAVAILABLE',
    message: 'The gateway has no key for this service in its environment.',
  },
  upstream_timeout: {
    status: 504,
    type: 'TIMEOUT',
    message:
      'The provider did not begin to answer in time. A call that takes longer can be streamed, be sent with an Idempotency-Key, or be run as a job: Prefer: respond-async.',
    called: true,
  },
  upstream_idle: { status: 504, type: 'TIMEOUT', message: "The provider's answer stood still too long.", called: true },
  upstream_total_timeout: {
    status: 504,
    type: 'TIMEOUT',
    message: "The provider's answer was not complete in time.",
    called: true,
  },
  function_limit: {
    status: 504,
    type: 'TIMEOUT',
    message: 'The stream reached the time that a function of this platform may run.',
    called: true,
  },
  hold_timeout: {
    status: 504,
    type: 'TIMEOUT',
    message: 'The call goes on as a job: repeat it with the same Idempotency-Key, or poll the job.',
  },
  loop_detected: {
    status: 508,
    type: 'CONNECTION',
    message: 'The call has come through a gateway of this kind already: the host of a service leads back to it.',
  },
} as const satisfies Record<string, { status: number; type: ErrorType; message: string; called?: boolean }>;

export type ErrorCode = keyof typeof CATALOGUE;

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(CATALOGUE, code);
}

export interface ErrorDetails {
  /** Says more than the catalogue's sentence; never quotes what a caller or a provider sent. */
  readonly message?: string;
  /** The offending field or variable. */
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Members added to `error`: `job`, for instance. */
  readonly extra?: JsonObject;
  readonly cause?: unknown;
}

/** A fault or refusal with its place in the catalogue; rendered by {@link renderError} and nowhere else. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly type: ErrorType;
  readonly param: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly extra: JsonObject;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    const entry: { status: number; type: ErrorType; message: string; called?: boolean } = CATALOGUE[code];
    super(details.message ?? entry.message, { cause: details.cause });
    this.code = code;
    this.status = entry.status;
    this.type = entry.type;
    this.param = details.param ?? null;
    this.headers = { ...(entry.called ? { 'x-should-retry': 'false' } : {}), ...details.headers };
    this.extra = details.extra ?? {};
  }
}

/** Whose error shape a path's callers read. */
export type Envelope = 'openai' | 'anthropic' | 'gemini';

export function envelopeOf(path: string): Envelope {
  if (/\/v1\/messages(\/|$)/.test(path)) return 'anthropic';
  if (/\/models\/[^/]+:\w+$/.test(path)) return 'gemini';
  return 'openai';
}

/** The one shape of an error: {@link GatewayError} as the answer that the callers of `envelope` understand. */
export function renderError(error: GatewayError, requestId: string, envelope: Envelope = 'openai'): Response {
  const facts: Record<string, Json | undefined> = {
    message: error.message,
    type: error.type,
    code: error.code,
    param: error.param,
    request_id: requestId,
    timestamp: new Date().toISOString(),
    ...error.extra,
  };
  return Response.json(enveloped(error, facts, requestId, envelope), { status: error.status, headers: error.headers });
}

function enveloped(error: GatewayError, facts: JsonObject, requestId: string, envelope: Envelope): JsonObject {
  switch (envelope) {
    case 'openai':
      return { error: facts, status: error.status };
    case 'anthropic':
      return { type: 'error', error: facts, status: error.status, request_id: requestId };
    case 'gemini':
      return { error: { ...facts, code: error.status, status: error.type, reason: error.code }, status: error.status };
  }
}
