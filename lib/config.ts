import type { LogLevel } from './log.ts';
import { BUILT_IN, defineService, type Service } from './upstream/services.ts';
import { type GatewayKey, type Issue, type ServiceOverrides, type Values, variables } from './variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface QstashSettings {
  /** `null`: QStash's own. */
  readonly url: string | null;
  readonly token: string;
  readonly currentSigningKey: string;
  readonly nextSigningKey: string;
}

export type { GatewayKey };

export interface RateLimit {
  readonly limit: number;
  readonly windowMs: number;
}

/** The gateway's settings. Times are milliseconds, sizes bytes. `.env.example` describes each variable. */
export interface Config {
  readonly allowedOrigins: readonly string[];
  readonly defaultTimeout: number;
  readonly backgroundTimeout: number;
  /**
   * Where the gateway runs in functions: how long one may work on a request, a margin before the platform ends it. The
   * longest deadlines are cut to it. `Infinity` in a process of one's own.
   */
  readonly runLimit: number;
  /** The same for one attempt of a job: shorter, as its result has still to be stored, which may take a few tries. */
  readonly attemptLimit: number;
  readonly streamIdleTimeout: number;
  readonly totalTimeout: number;
  readonly maxRequestSize: number;
  readonly maxResponseSize: number;
  readonly maxResultSize: number;
  /** Longest stored answer that is replayed as a stream, or gathered from one: it is in memory for that. */
  readonly maxReplaySize: number;
  readonly enableRetry: boolean;
  /** Whether the edge makes a call itself that the background function could not begin. */
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
  /** Hosts that are surely this deployment's: the only ones that are told how to pass its protection. */
  readonly ownHosts: readonly string[];
  readonly maxQueuedJobs: number;
  readonly maxQueuedJobsPerCaller: number;
  readonly maxConcurrentStreams: number;
  /** Calls and submits of one caller in a time; `null` where they are not counted. */
  readonly rateLimit: RateLimit | null;
  readonly webhookSecret: string | null;
  /** `http:` too. */
  readonly allowInsecureWebhooks: boolean;
  /** Private, loopback and link-local addresses too. */
  readonly allowPrivateWebhooks: boolean;
  /** To the end of a receiver's answer. */
  readonly webhookTimeout: number;
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
  readonly qstashRetries: number;
  /** What the platform lets a function run; `null` where there is no such limit. */
  readonly functionLimit: number | null;
  /** Opens deployments behind Vercel's protection to QStash. */
  readonly protectionBypass: string | null;
  /** The key that the environment holds for a service, where there is one. */
  serviceKey(service: Service): string | null;
}

/** Says which variables are wrong, and what each should be; the values themselves may be secrets and stay out. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** The names of all variables, services' keys apart. */
export const VARIABLES: readonly string[] = Object.keys(variables.shape);

/** Part of a function's time that it works: what is left is for its last words to arrive. */
const WORKING = 0.95;
/** As above, of a job's attempt: 45 s of a function's 300 stay for a store that is slow to take the result. */
const ATTEMPTING = 0.85;
/** When that is broken off which can have no last word. */
const BREAKING = 0.975;

/**
 * Reads the settings from an environment; a variable that is set but empty counts as not set.
 * @param defaults of the place where the gateway runs, for variables that are not set
 * @throws ConfigError naming each bad variable and what it should be
 */
export function readConfig(environment: Environment, defaults: Environment = {}): Config {
  const given = [...Object.entries(defaults), ...Object.entries(environment)].filter(
    ([, value]) => value !== undefined && value !== '',
  );
  const parsed = variables.safeParse(Object.fromEntries(given));
  if (!parsed.success) throw new ConfigError(parsed.error.issues.map(describeIssue).join('\n'));
  const values = parsed.data;
  if (values.REQUIRE_GATEWAY_KEY && values.GATEWAY_KEYS === undefined) {
    throw new ConfigError('REQUIRE_GATEWAY_KEY: needs GATEWAY_KEYS, else nobody could get in');
  }
  const services = readServices(values.PROXY_CONFIG ?? {});
  const defaultService = readDefaultService(values.SOURCE_API_URL, services, environment);
  // A job keeps its service's name: every service must be found by it.
  services.set(defaultService.name, defaultService);
  const functionLimit = values.FUNCTION_LIMIT ?? Number.POSITIVE_INFINITY;
  const runLimit = Math.ceil(functionLimit * WORKING);
  const attemptLimit = Math.ceil(functionLimit * ATTEMPTING);
  const origin = values.ALLOWED_ORIGIN ?? values.CORS_ALLOW_ORIGIN ?? '*';
  return {
    allowedOrigins: origin.split(',').map((entry) => entry.trim()),
    defaultTimeout: values.DEFAULT_TIMEOUT,
    backgroundTimeout: Math.min(values.BACKGROUND_TIMEOUT, runLimit),
    runLimit,
    attemptLimit,
    streamIdleTimeout: values.STREAM_IDLE_TIMEOUT,
    totalTimeout: Math.min(values.TOTAL_TIMEOUT, Math.ceil(functionLimit * BREAKING)),
    maxRequestSize: values.MAX_REQUEST_SIZE,
    maxResponseSize: values.MAX_RESPONSE_SIZE,
    maxResultSize: values.MAX_RESULT_SIZE,
    maxReplaySize: values.MAX_REPLAY_SIZE,
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
    publicBaseUrl: values.PUBLIC_BASE_URL?.href.replace(/\/+$/, '') ?? deploymentUrl(values),
    ownHosts: [values.PUBLIC_BASE_URL?.href, ...deploymentUrls(values)].flatMap((url) =>
      url ? [new URL(url).host] : [],
    ),
    maxQueuedJobs: values.MAX_QUEUED_JOBS,
    maxQueuedJobsPerCaller: values.MAX_QUEUED_JOBS_PER_CALLER,
    maxConcurrentStreams: values.MAX_CONCURRENT_STREAMS,
    rateLimit: values.RATE_LIMIT === 0 ? null : { limit: values.RATE_LIMIT, windowMs: values.RATE_LIMIT_WINDOW * 1000 },
    webhookSecret: values.WEBHOOK_SECRET ?? null,
    allowInsecureWebhooks: values.ALLOW_INSECURE_WEBHOOKS,
    allowPrivateWebhooks: values.ALLOW_PRIVATE_WEBHOOKS,
    webhookTimeout: Math.min(values.WEBHOOK_TIMEOUT, attemptLimit),
    jobTtl: values.JOB_TTL * 1000,
    jobTimeout: Math.min(values.JOB_TIMEOUT, attemptLimit),
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
    qstashRetries: values.QSTASH_RETRIES,
    functionLimit: values.FUNCTION_LIMIT ?? null,
    protectionBypass: values.VERCEL_AUTOMATION_BYPASS_SECRET ?? null,
    serviceKey: (service) => environment[service.apiKeyEnv] || null,
  };
}

/** The process's environment: the one place where it is read. */
export function processEnvironment(): Environment {
  return process.env;
}

/**
 * Where Vercel serves this deployment, where the operator has not said it. Production has one name for all of its
 * deployments; a preview has that of its branch, so that a message that waits finds the branch's next deployment too.
 */
function deploymentUrl(values: Values): string | null {
  if (values.VERCEL_ENV === 'production') return values.VERCEL_PROJECT_PRODUCTION_URL ?? null;
  if (values.VERCEL_ENV === 'preview') return values.VERCEL_BRANCH_URL ?? values.VERCEL_URL ?? null;
  return null;
}

function deploymentUrls({ VERCEL_URL, VERCEL_BRANCH_URL, VERCEL_PROJECT_PRODUCTION_URL }: Values) {
  return [VERCEL_URL, VERCEL_BRANCH_URL, VERCEL_PROJECT_PRODUCTION_URL];
}

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

function describeIssue(issue: Issue): string {
  const [variable, ...path] = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return `${variable}: must have no fields but those that .env.example lists (at ${[...path, issue.keys.join(', ')].join('.')})`;
  }
  // Of a bad name in a map the rule for names says more than the rule for the map.
  const { message } = (issue.code === 'invalid_key' ? issue.issues[0] : undefined) ?? issue;
  return `${variable}: ${message}${path.length === 0 ? '' : ` (at ${path.join('.')})`}`;
}

/** The built-in services with the operator's laid over them, field by field. */
function readServices(overrides: ServiceOverrides): Map<string, Service> {
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
function readDefaultService(
  url: URL | undefined,
  services: ReadonlyMap<string, Service>,
  environment: Environment,
): Service {
  const path = url?.pathname.replace(/\/+$/, '') ?? '';
  const origin = url?.origin ?? 'https://api.openai.com';
  for (const service of services.values()) {
    if (service.origin !== origin || service.basePath !== path) continue;
    // vercel-fake-stream calls whatever SOURCE_API_URL names with the one key that it knows.
    const isOnlyKey = !environment[service.apiKeyEnv] && Boolean(environment['OPENAI_API_KEY']);
    return isOnlyKey ? { ...service, apiKeyEnv: 'OPENAI_API_KEY' } : service;
  }
  return defineService('default', { host: origin, basePath: path, apiKeyEnv: 'OPENAI_API_KEY' });
}
