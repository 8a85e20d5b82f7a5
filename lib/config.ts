import * as z from 'zod';
import { parseJson } from './json.ts';
import type { LogLevel } from './log.ts';
import { BUILT_IN, defineService, originOf, type Service } from './upstream/services.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface QstashSettings {
  /** `null`: QStash's own. */
  readonly url: string | null;
  readonly token: string;
  readonly currentSigningKey: string;
  readonly nextSigningKey: string;
}

/** One entry of `GATEWAY_KEYS`. */
export interface GatewayKey {
  readonly name: string;
  readonly key: string;
}

/** The gateway's settings. Times are milliseconds, sizes bytes. `.env.example` describes each variable. */
export interface Config {
  readonly allowedOrigins: readonly string[];
  readonly defaultTimeout: number;
  readonly backgroundTimeout: number;
  readonly streamIdleTimeout: number;
  readonly totalTimeout: number;
  readonly maxRequestSize: number;
  readonly maxResponseSize: number;
  readonly maxResultSize: number;
  readonly enableRetry: boolean;
  /** Of no effect in this version: the cloud's edge door, which reads it, is to come. */
  readonly enableFallback: boolean;
  readonly longRequestMode: 'background' | 'job';
  readonly logLevel: LogLevel;
  readonly logFormat: 'text' | 'json';
  readonly services: ReadonlyMap<string, Service>;
  readonly defaultService: Service;
  readonly upstreamExtraHeaders: Readonly<Record<string, string>>;
  readonly allowEnvApiKey: boolean;
  readonly gatewayKeys: readonly GatewayKey[];
  readonly requireGatewayKey: boolean;
  readonly gatewaySecret: string | null;
  readonly gatewaySecretPrevious: string | null;
  readonly publicBaseUrl: string | null;
  readonly jobTtl: number;
  readonly jobTimeout: number;
  readonly heartbeatInterval: number;
  readonly chunkTargetLength: number;
  readonly chunkDelay: number;
  readonly port: number;
  readonly host: string;
  readonly dataDir: string;
  readonly workerConcurrency: number;
  readonly shutdownGrace: number;
  /** Upstash Redis, where all of its variables are set. */
  readonly redis: { readonly url: string; readonly token: string } | null;
  /** QStash, where all of its variables are set. */
  readonly qstash: QstashSettings | null;
  /** Opens deployments behind Vercel's protection to QStash. */
  readonly protectionBypass: string | null;
  /** The key that the environment holds for a service, where there is one. */
  serviceKey(service: Service): string | null;
}

/** Says which variables are wrong, and what each should be; the values themselves may be secrets and stay out. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const MAX_TIMER_MS = 2_147_483_647;
const MEBIBYTE = 1_048_576;

const flag = (fallback: boolean) =>
  z
    .enum(['true', 'false', '1', '0', 'yes', 'no', 'on', 'off', ''], 'must be true or false')
    .transform((value) => (value === '' ? fallback : ['true', '1', 'yes', 'on'].includes(value)))
    .default(fallback);

const integer = (fallback: number, min: number, max: number) => {
  const hint = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\s*\d*\s*$/, hint)
    .transform((value) => (value.trim() === '' ? fallback : Number(value)))
    .pipe(z.number().min(min, hint).max(max, hint))
    .default(fallback);
};

const milliseconds = (fallback: number, min = 1) => integer(fallback, min, MAX_TIMER_MS);

const baseUrl = z.string().transform((value, context) => {
  const url = URL.canParse(value) ? new URL(value) : null;
  const plain = url !== null && /^https?:$/.test(url.protocol) && `${url.username}${url.search}${url.hash}` === '';
  if (plain) return url;
  context.addIssue({ code: 'custom', message: 'must be an http(s) URL without user, query or fragment' });
  return z.NEVER;
});

const json = z.string().transform((value, context) => {
  const parsed = parseJson(value);
  if (parsed === undefined) context.addIssue({ code: 'custom', message: 'must be JSON' });
  return parsed;
});

const headerMap = z.record(
  z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be header names'),
  z.string('must be printable header values').regex(/^[\t\x20-\x7e]*$/, 'must be printable header values'),
  'must be an object of header names and values',
);

const host = z
  .string()
  .regex(/^(https?:\/\/)?([a-zA-Z0-9.-]+|\[[0-9a-fA-F:.]+\])(:\d{1,5})?$/, 'must be a host, or scheme://host:port')
  .refine((value) => URL.canParse(originOf(value)), 'must be a host, or scheme://host:port');

const basePath = z
  .string()
  .regex(/^[A-Za-z0-9._~/-]*$/, 'must be a plain path')
  .transform((path) => path.replaceAll(/^\/+|\/+$/g, ''))
  .transform((path) => (path === '' ? '' : `/${path}`));

const serviceOverride = z
  .strictObject({
    host,
    basePath,
    timeout: z.int().min(1).max(MAX_TIMER_MS),
    maxRetries: z.int().min(0).max(10),
    retryableMethods: z.array(z.string().regex(/^[A-Z]+$/, 'must be upper-case methods')),
    defaultHeaders: headerMap,
    supportsStreaming: z.boolean(),
    allowFallback: z.boolean(),
    maxResponseSize: z.int().min(1),
    parallelism: z.int().min(1),
    apiKeyEnv: z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'must be the name of a variable'),
    keyHeader: z.enum(['authorization', 'x-api-key', 'x-goog-api-key', 'api-key']),
    /** Of the gateway that this one replaces: `false` stands for `maxRetries: 0`. */
    retryable: z.boolean(),
  })
  .partial();

const proxyConfig = z.record(
  z.string().regex(/^[a-z0-9][a-z0-9_-]*$/i, 'must be service names of letters, digits, - and _'),
  serviceOverride,
  'must be an object of services',
);

const gatewayKeys = z.string().transform((value, context) => {
  const entries = value.split(',').map((entry) => entry.trim());
  const keys: GatewayKey[] = [];
  for (const entry of entries.filter((text) => text !== '')) {
    const [, name, key] = /^([\w.-]+):(\S{8,})$/.exec(entry) ?? [];
    if (name === undefined || key === undefined) {
      context.addIssue({ code: 'custom', message: 'must be name:key,name:key… with keys of 8 characters or more' });
      return z.NEVER;
    }
    keys.push({ name, key });
  }
  // Jobs belong to the name: one name for two keys would share them, and a key of two names would be either's.
  for (const field of ['name', 'key'] as const) {
    if (new Set(keys.map((entry) => entry[field])).size === keys.length) continue;
    context.addIssue({ code: 'custom', message: `must have each ${field} once` });
  }
  return keys;
});

const secret = z.string().min(32, 'must have 32 characters or more: openssl rand -base64 32');

const variables = z.object({
  ALLOWED_ORIGIN: z.string().optional(),
  CORS_ALLOW_ORIGIN: z.string().optional(),
  DEFAULT_TIMEOUT: milliseconds(20_000),
  BACKGROUND_TIMEOUT: integer(240_000, 1, 300_000),
  STREAM_IDLE_TIMEOUT: milliseconds(120_000),
  TOTAL_TIMEOUT: milliseconds(3_600_000),
  MAX_REQUEST_SIZE: integer(64 * MEBIBYTE, 1, Number.MAX_SAFE_INTEGER),
  MAX_RESPONSE_SIZE: integer(6 * MEBIBYTE, 1, Number.MAX_SAFE_INTEGER),
  MAX_RESULT_SIZE: integer(64 * MEBIBYTE, 1, Number.MAX_SAFE_INTEGER),
  ENABLE_RETRY: flag(true),
  ENABLE_FALLBACK: flag(true),
  LONG_REQUEST_MODE: z.enum(['background', 'job'], 'must be background or job').default('background'),
  LOG_LEVEL: z
    .string()
    .transform((level) => level.toUpperCase())
    .pipe(z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR'], 'must be DEBUG, INFO, WARN or ERROR'))
    .default('INFO'),
  LOG_FORMAT: z.enum(['text', 'json'], 'must be text or json').default('text'),
  DEBUG: z.string().optional(),
  PROXY_CONFIG: json.pipe(proxyConfig).optional(),
  SOURCE_API_URL: baseUrl.optional(),
  UPSTREAM_EXTRA_HEADERS_JSON: json.pipe(headerMap).optional(),
  ALLOW_ENV_API_KEY: flag(false),
  GATEWAY_KEYS: gatewayKeys.optional(),
  REQUIRE_GATEWAY_KEY: flag(false),
  GATEWAY_SECRET: secret.optional(),
  GATEWAY_SECRET_PREVIOUS: secret.optional(),
  PUBLIC_BASE_URL: baseUrl.optional(),
  JOB_TTL: integer(86_400, 1, 7 * 86_400),
  JOB_TIMEOUT: milliseconds(600_000),
  HEARTBEAT_INTERVAL_MS: milliseconds(3_000),
  CHUNK_TARGET_LENGTH: integer(30, 1, 100_000),
  CHUNK_DELAY_MS: milliseconds(35, 0),
  UPSTASH_REDIS_REST_URL: baseUrl.optional(),
  UPSTASH_REDIS_REST_TOKEN: z.string().optional(),
  KV_REST_API_URL: baseUrl.optional(),
  KV_REST_API_TOKEN: z.string().optional(),
  QSTASH_URL: baseUrl.refine((url) => url.pathname === '/', 'must be without a path').optional(),
  QSTASH_TOKEN: z.string().optional(),
  QSTASH_CURRENT_SIGNING_KEY: z.string().optional(),
  QSTASH_NEXT_SIGNING_KEY: z.string().optional(),
  VERCEL_AUTOMATION_BYPASS_SECRET: z.string().optional(),
  PORT: integer(3000, 0, 65_535),
  HOST: z.string().min(1).default('127.0.0.1'),
  DATA_DIR: z.string().min(1).default('.data'),
  WORKER_CONCURRENCY: integer(64, 1, 10_000),
  SHUTDOWN_GRACE: milliseconds(10_000, 0),
});

/** The names of all variables, services' keys apart. */
export const VARIABLES: readonly string[] = Object.keys(variables.shape);

/**
 * Reads the settings from an environment; a variable that is set but empty counts as not set.
 * @throws ConfigError naming each bad variable and what it should be
 */
export function readConfig(environment: Environment): Config {
  const given = Object.entries(environment).filter(([, value]) => value !== undefined && value !== '');
  const parsed = variables.safeParse(Object.fromEntries(given));
  if (!parsed.success) throw new ConfigError(parsed.error.issues.map(describeIssue).join('\n'));
  const values = parsed.data;
  if (values.REQUIRE_GATEWAY_KEY && values.GATEWAY_KEYS === undefined) {
    throw new ConfigError('REQUIRE_GATEWAY_KEY: needs GATEWAY_KEYS, else nobody could get in');
  }
  const services = readServices(values.PROXY_CONFIG ?? {});
  const defaultService = readDefaultService(values.SOURCE_API_URL, services);
  // A job keeps its service's name: every service must be found by it.
  if (!services.has(defaultService.name)) services.set(defaultService.name, defaultService);
  const origin = values.ALLOWED_ORIGIN ?? values.CORS_ALLOW_ORIGIN ?? '*';
  return {
    allowedOrigins: origin.split(',').map((entry) => entry.trim()),
    defaultTimeout: values.DEFAULT_TIMEOUT,
    backgroundTimeout: values.BACKGROUND_TIMEOUT,
    streamIdleTimeout: values.STREAM_IDLE_TIMEOUT,
    totalTimeout: values.TOTAL_TIMEOUT,
    maxRequestSize: values.MAX_REQUEST_SIZE,
    maxResponseSize: values.MAX_RESPONSE_SIZE,
    maxResultSize: values.MAX_RESULT_SIZE,
    enableRetry: values.ENABLE_RETRY,
    enableFallback: values.ENABLE_FALLBACK,
    longRequestMode: values.LONG_REQUEST_MODE,
    logLevel: isOn(values.DEBUG) ? 'DEBUG' : values.LOG_LEVEL,
    logFormat: values.LOG_FORMAT,
    services,
    defaultService,
    upstreamExtraHeaders: values.UPSTREAM_EXTRA_HEADERS_JSON ?? {},
    allowEnvApiKey: values.ALLOW_ENV_API_KEY,
    gatewayKeys: values.GATEWAY_KEYS ?? [],
    requireGatewayKey: values.REQUIRE_GATEWAY_KEY,
    gatewaySecret: values.GATEWAY_SECRET ?? null,
    gatewaySecretPrevious: values.GATEWAY_SECRET_PREVIOUS ?? null,
    publicBaseUrl: values.PUBLIC_BASE_URL?.href.replace(/\/+$/, '') ?? null,
    jobTtl: values.JOB_TTL * 1000,
    jobTimeout: values.JOB_TIMEOUT,
    heartbeatInterval: values.HEARTBEAT_INTERVAL_MS,
    chunkTargetLength: values.CHUNK_TARGET_LENGTH,
    chunkDelay: values.CHUNK_DELAY_MS,
    port: values.PORT,
    host: values.HOST,
    dataDir: values.DATA_DIR,
    workerConcurrency: values.WORKER_CONCURRENCY,
    shutdownGrace: values.SHUTDOWN_GRACE,
    redis: readRedis(values),
    qstash: readQstash(values),
    protectionBypass: values.VERCEL_AUTOMATION_BYPASS_SECRET ?? null,
    serviceKey: (service) => environment[service.apiKeyEnv] || null,
  };
}

/** The process's environment: the one place where it is read. */
export function processEnvironment(): Environment {
  return process.env;
}

type Values = z.infer<typeof variables>;

/** Under the names that Upstash gives them, or those of Vercel's integration. */
function readRedis(values: Values): Config['redis'] {
  const { UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN, KV_REST_API_URL, KV_REST_API_TOKEN } = values;
  // The URL of one with the token of the other would be a database that nobody has.
  requireTogether({ UPSTASH_REDIS_REST_URL: UPSTASH_REDIS_REST_URL?.href, UPSTASH_REDIS_REST_TOKEN });
  requireTogether({ KV_REST_API_URL: KV_REST_API_URL?.href, KV_REST_API_TOKEN });
  return redisAt(UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN) ?? redisAt(KV_REST_API_URL, KV_REST_API_TOKEN);
}

function redisAt(url: URL | undefined, token: string | undefined): Config['redis'] {
  return url === undefined || token === undefined ? null : { url: url.href.replace(/\/$/, ''), token };
}

function readQstash(values: Values): QstashSettings | null {
  const { QSTASH_TOKEN, QSTASH_CURRENT_SIGNING_KEY, QSTASH_NEXT_SIGNING_KEY } = values;
  requireTogether({ QSTASH_TOKEN, QSTASH_CURRENT_SIGNING_KEY, QSTASH_NEXT_SIGNING_KEY });
  if (!QSTASH_TOKEN || !QSTASH_CURRENT_SIGNING_KEY || !QSTASH_NEXT_SIGNING_KEY) return null;
  return {
    url: values.QSTASH_URL?.origin ?? null,
    token: QSTASH_TOKEN,
    currentSigningKey: QSTASH_CURRENT_SIGNING_KEY,
    nextSigningKey: QSTASH_NEXT_SIGNING_KEY,
  };
}

/** Half of a setting is a mistake, not a choice. */
function requireTogether(group: Readonly<Record<string, string | undefined>>): void {
  const missing = Object.keys(group).filter((name) => group[name] === undefined);
  if (missing.length === 0 || missing.length === Object.keys(group).length) return;
  throw new ConfigError(missing.map((name) => `${name}: must be set, as its counterparts are`).join('\n'));
}

function isOn(value: string | undefined): boolean {
  return value === '1' || value === 'true';
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const [variable, ...path] = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return `${variable}: must have no fields but those that .env.example lists (at ${[...path, issue.keys.join(', ')].join('.')})`;
  }
  // Of a bad name in a map the rule for names says more than the rule for the map.
  const { message } = (issue.code === 'invalid_key' ? issue.issues[0] : undefined) ?? issue;
  return `${variable}: ${message}${path.length === 0 ? '' : ` (at ${path.join('.')})`}`;
}

/** The built-in services with the operator's laid over them, field by field. */
function readServices(overrides: z.infer<typeof proxyConfig>): Map<string, Service> {
  const services = new Map(Object.entries(BUILT_IN).map(([name, facts]) => [name, defineService(name, facts)]));
  for (const [name, { retryable, ...override }] of Object.entries(overrides)) {
    const base = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined;
    const given = Object.fromEntries(Object.entries(override).filter(([, value]) => value !== undefined));
    const { host = base?.host, ...rest } = { ...base, ...given };
    if (host === undefined) throw new ConfigError(`PROXY_CONFIG: must say the host (at ${name})`);
    services.set(name, defineService(name, { ...rest, ...(retryable === false ? { maxRetries: 0 } : {}), host }));
  }
  return services;
}

/** The service behind `/v1/…`: the configured one with that host where there is one, so that its key and limits apply. */
function readDefaultService(url: URL | undefined, services: ReadonlyMap<string, Service>): Service {
  const path = url?.pathname.replace(/\/+$/, '') ?? '';
  const origin = url?.origin ?? 'https://api.openai.com';
  for (const service of services.values()) {
    if (service.origin === origin && service.basePath === path) return service;
  }
  return defineService('default', { host: origin, basePath: path, apiKeyEnv: 'OPENAI_API_KEY' });
}
