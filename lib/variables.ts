import * as z from 'zod/mini';
import { parseJson } from './json.ts';
import { originOf } from './upstream/services.ts';

/** One entry of `GATEWAY_KEYS`. */
export interface GatewayKey {
  readonly name: string;
  readonly key: string;
}

const MAX_TIMER_MS = 2_147_483_647;
const MEBIBYTE = 1_048_576;

const flag = (fallback: boolean) =>
  z._default(
    z.pipe(
      z.enum(['true', 'false', '1', '0', 'yes', 'no', 'on', 'off', ''], 'must be true or false'),
      z.transform((value) => (value === '' ? fallback : ['true', '1', 'yes', 'on'].includes(value))),
    ),
    fallback,
  );

const number = (min: number, max: number) => {
  const hint = `must be a whole number from ${min} to ${max}`;
  return z.pipe(
    z.pipe(z.string().check(z.regex(/^\s*\d+\s*$/, hint)), z.transform(Number)),
    z.number(hint).check(z.gte(min, hint), z.lte(max, hint)),
  );
};

/** Blanks alone count as not set. */
const integer = (fallback: number, min: number, max: number) =>
  z._default(
    z.pipe(
      z.pipe(
        z.string(),
        z.transform((text) => (text.trim() === '' ? String(fallback) : text)),
      ),
      number(min, max),
    ),
    fallback,
  );

const milliseconds = (fallback: number, min = 1) => integer(fallback, min, MAX_TIMER_MS);

const baseUrl = z.pipe(
  z.string(),
  z.transform((value, context) => {
    const url = URL.canParse(value) ? new URL(value) : null;
    const plain = url !== null && /^https?:$/.test(url.protocol) && `${url.username}${url.search}${url.hash}` === '';
    return plain ? url : refused(context, value, 'must be an http(s) URL without user, query or fragment');
  }),
);

/** A host without scheme, as Vercel tells them: an `https` URL. */
const deploymentHost = z.pipe(
  z.string().check(z.regex(/^[A-Za-z0-9.-]+(:\d{1,5})?$/, 'must be a host, as Vercel sets it')),
  z.transform((value) => `https://${value}`),
);

const json = z.pipe(
  z.string(),
  z.transform((value, context) => {
    const parsed = parseJson(value);
    return parsed === undefined ? refused(context, value, 'must be JSON') : parsed;
  }),
);

const headerMap = z.record(
  z.string().check(z.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be header names')),
  z.string('must be printable header values').check(z.regex(/^[\t\x20-\x7e]*$/, 'must be printable header values')),
  'must be an object of header names and values',
);

const A_HOST = 'must be a host, or scheme://host:port';
const host = z.string(A_HOST).check(
  z.regex(/^(https?:\/\/)?([a-zA-Z0-9.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?$/, A_HOST),
  z.refine((value) => URL.canParse(originOf(value)), A_HOST),
);

const basePath = z.pipe(
  z.string('must be a plain path').check(z.regex(/^[A-Za-z0-9._~/-]*$/, 'must be a plain path')),
  z.transform((path) => {
    const bare = path.replaceAll(/^\/+|\/+$/g, '');
    return bare === '' ? '' : `/${bare}`;
  }),
);

const wholeNumber = (min: number, max: number) => {
  const hint = `must be a whole number from ${min} to ${max}`;
  return z.int(hint).check(z.gte(min, hint), z.lte(max, hint));
};
const boolean = z.boolean('must be true or false');
const UPPER_CASE = 'must be upper-case methods';

const serviceOverride = z
  .partial(
    z.strictObject(
      {
        host,
        basePath,
        timeout: wholeNumber(1, MAX_TIMER_MS),
        maxRetries: wholeNumber(0, 10),
        retryableMethods: z.array(z.string(UPPER_CASE).check(z.regex(/^[A-Z]+$/, UPPER_CASE)), 'must be a list'),
        defaultHeaders: headerMap,
        supportsStreaming: boolean,
        allowFallback: boolean,
        maxResponseSize: wholeNumber(1, Number.MAX_SAFE_INTEGER),
        parallelism: wholeNumber(1, Number.MAX_SAFE_INTEGER),
        rate: wholeNumber(1, Number.MAX_SAFE_INTEGER),
        /** Seconds; a week is the longest that QStash takes. */
        period: wholeNumber(1, 604_800),
        apiKeyEnv: z
          .string('must be the name of a variable')
          .check(z.regex(/^[A-Z][A-Z0-9_]*$/, 'must be the name of a variable')),
        keyHeader: z.enum(
          ['authorization', 'x-api-key', 'x-goog-api-key', 'api-key'],
          'must be authorization, x-api-key, x-goog-api-key or api-key',
        ),
        /** Of the gateway that this one replaces: `false` stands for `maxRetries: 0`. */
        retryable: boolean,
      },
      'must be an object',
    ),
  )
  .check(
    z.refine(({ rate, period }) => period === undefined || rate !== undefined, {
      path: ['period'],
      error: 'must go with a rate',
    }),
  );

const SERVICE_NAMES = 'must be service names of letters, digits, - and _';
const proxyConfig = z.record(
  z.string().check(z.regex(/^[a-z0-9][a-z0-9_-]*$/i, SERVICE_NAMES)),
  serviceOverride,
  'must be an object of services',
);
export type ServiceOverrides = z.infer<typeof proxyConfig>;

const gatewayKeys = z.pipe(
  z.string(),
  z.transform((value, context) => {
    const entries = value.split(',').map((entry) => entry.trim());
    const keys: GatewayKey[] = [];
    for (const entry of entries.filter((text) => text !== '')) {
      const [, name, key] = /^([\w.-]+):(\S{8,})$/.exec(entry) ?? [];
      if (name === undefined || key === undefined) {
        return refused(context, value, 'must be name:key,name:key… with keys of 8 characters or more');
      }
      keys.push({ name, key });
    }
    // Jobs belong to the name: one name for two keys would share them, and a key of two names would be either's.
    for (const field of ['name', 'key'] as const) {
      if (new Set(keys.map((entry) => entry[field])).size === keys.length) continue;
      return refused(context, value, `must have each ${field} once`);
    }
    return keys;
  }),
);

const webhookSecret = z
  .string()
  .check(z.regex(/^whsec_[A-Za-z0-9+/]{32,}={0,2}$/, 'must be whsec_ and 24 bytes or more in base64'));
const secret = z.string().check(z.minLength(32, 'must have 32 characters or more: openssl rand -base64 32'));

/** Marks a value as bad; what is returned is no value. */
function refused(context: z.core.ParsePayload, input: string, message: string): never {
  context.issues.push({ code: 'custom', message, input });
  return z.NEVER;
}

/** Every variable that the gateway reads, services' keys apart. */
export const variables = z.object({
  ALLOWED_ORIGIN: z.optional(z.string()),
  CORS_ALLOW_ORIGIN: z.optional(z.string()),
  DEFAULT_TIMEOUT: milliseconds(20_000),
  BACKGROUND_TIMEOUT: integer(240_000, 1, 300_000),
  STREAM_IDLE_TIMEOUT: milliseconds(120_000),
  TOTAL_TIMEOUT: milliseconds(3_600_000),
  MAX_REQUEST_SIZE: integer(64 * MEBIBYTE, 1, Number.MAX_SAFE_INTEGER),
  MAX_RESPONSE_SIZE: integer(6 * MEBIBYTE, 1, Number.MAX_SAFE_INTEGER),
  MAX_RESULT_SIZE: integer(64 * MEBIBYTE, 1, Number.MAX_SAFE_INTEGER),
  MAX_REPLAY_SIZE: integer(16 * MEBIBYTE, 1, Number.MAX_SAFE_INTEGER),
  ENABLE_RETRY: flag(true),
  ENABLE_FALLBACK: flag(true),
  LONG_REQUEST_MODE: z._default(z.enum(['background', 'job'], 'must be background or job'), 'background'),
  LOG_LEVEL: z._default(
    z.pipe(
      z.pipe(
        z.string(),
        z.transform((level) => level.toUpperCase()),
      ),
      z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR'], 'must be DEBUG, INFO, WARN or ERROR'),
    ),
    'INFO',
  ),
  LOG_FORMAT: z._default(z.enum(['text', 'json'], 'must be text or json'), 'text'),
  DEBUG: z.optional(z.string()),
  PROXY_CONFIG: z.optional(z.pipe(json, proxyConfig)),
  SOURCE_API_URL: z.optional(baseUrl),
  UPSTREAM_EXTRA_HEADERS_JSON: z.optional(z.pipe(json, headerMap)),
  ALLOW_ENV_API_KEY: flag(false),
  GATEWAY_KEYS: z.optional(gatewayKeys),
  REQUIRE_GATEWAY_KEY: flag(false),
  GATEWAY_SECRET: z.optional(secret),
  GATEWAY_SECRET_PREVIOUS: z.optional(secret),
  PUBLIC_BASE_URL: z.optional(baseUrl),
  MAX_QUEUED_JOBS: integer(100_000, 1, Number.MAX_SAFE_INTEGER),
  MAX_QUEUED_JOBS_PER_CALLER: integer(10_000, 1, Number.MAX_SAFE_INTEGER),
  MAX_CONCURRENT_STREAMS: integer(2_000, 1, Number.MAX_SAFE_INTEGER),
  RATE_LIMIT: integer(0, 0, Number.MAX_SAFE_INTEGER),
  RATE_LIMIT_WINDOW: integer(60, 1, 86_400),
  WEBHOOK_SECRET: z.optional(webhookSecret),
  ALLOW_INSECURE_WEBHOOKS: flag(false),
  ALLOW_PRIVATE_WEBHOOKS: flag(false),
  WEBHOOK_TIMEOUT: integer(10_000, 1, 60_000),
  JOB_TTL: integer(86_400, 1, 7 * 86_400),
  JOB_TIMEOUT: milliseconds(600_000),
  HEARTBEAT_INTERVAL_MS: milliseconds(3_000),
  CHUNK_TARGET_LENGTH: integer(30, 1, 100_000),
  CHUNK_DELAY_MS: milliseconds(35, 0),
  UPSTASH_REDIS_REST_URL: z.optional(baseUrl),
  UPSTASH_REDIS_REST_TOKEN: z.optional(z.string()),
  KV_REST_API_URL: z.optional(baseUrl),
  KV_REST_API_TOKEN: z.optional(z.string()),
  QSTASH_URL: z.optional(baseUrl.check(z.refine((url) => url.pathname === '/', 'must be without a path'))),
  QSTASH_TOKEN: z.optional(z.string()),
  QSTASH_CURRENT_SIGNING_KEY: z.optional(z.string()),
  QSTASH_NEXT_SIGNING_KEY: z.optional(z.string()),
  QSTASH_RETRIES: integer(3, 0, 100),
  VERCEL_AUTOMATION_BYPASS_SECRET: z.optional(z.string()),
  FUNCTION_LIMIT: z.optional(number(1, MAX_TIMER_MS)),
  VERCEL_ENV: z.optional(z.string()),
  VERCEL_URL: z.optional(deploymentHost),
  VERCEL_BRANCH_URL: z.optional(deploymentHost),
  VERCEL_PROJECT_PRODUCTION_URL: z.optional(deploymentHost),
  PORT: integer(3000, 0, 65_535),
  HOST: z._default(z.string(), '127.0.0.1'),
  DATA_DIR: z._default(z.string(), '.data'),
  WORKER_CONCURRENCY: integer(64, 1, 10_000),
  SHUTDOWN_GRACE: milliseconds(10_000, 0),
});

export type Values = z.infer<typeof variables>;
export type Issue = z.core.$ZodIssue;
