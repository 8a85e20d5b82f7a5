import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Identifier } from '../http/auth.ts';
import type { Json, JsonObject } from '../json.ts';
import { VERSION } from '../version.ts';

export interface StatusContext {
  readonly config: Config;
  readonly clock: Clock;
  readonly identifier: Pick<Identifier, 'isPrivate'>;
  /** Where this gateway runs: which store and queue, and what it holds. */
  readonly describe: () => Promise<JsonObject>;
}

/** `/health`, `/gateway/health`: that the gateway answers. */
export function health(now: number): JsonObject {
  return { status: 'ok', service: 'llm-job-gateway', version: VERSION, timestamp: new Date(now).toISOString() };
}

/** Counting jobs reads an index of the store: however often strangers ask, it is done once in this time. */
const DESCRIBED_FOR_MS = 1_000;

/** `/api/status`: how the gateway is set up. */
export function statusReader(context: StatusContext): () => Promise<JsonObject> {
  const { clock } = context;
  let latest: { readonly at: number; readonly described: Promise<JsonObject> } | null = null;
  return async () => {
    const now = clock.now();
    if (latest === null || now - latest.at >= DESCRIBED_FOR_MS) {
      const mine = { at: now, described: context.describe() };
      latest = mine;
      // What failed is not kept: the next one to ask tries again.
      mine.described.catch(() => {
        if (latest === mine) latest = null;
      });
    }
    return status(context, await latest.described);
  };
}

/** Says whether secrets are there, never what they are. */
function status({ config, clock, identifier }: StatusContext, described: JsonObject): JsonObject {
  const services: Json[] = Array.from(config.services.values(), (service) => ({
    name: service.name,
    host: service.origin ?? 'in process',
    has_api_key: config.serviceKey(service) !== null,
    supports_streaming: service.supportsStreaming,
  }));
  return {
    ...health(clock.now()),
    ...described,
    features: { streaming: true, non_streaming: true, models: true, cors: true, jobs: true },
    endpoints: {
      chat: '/api/chat',
      models: '/api/models',
      status: '/api/status',
      jobs: '/api/jobs',
      page: '/',
      test_page: '/',
    },
    environment: {
      has_api_key: config.serviceKey(config.defaultService) !== null,
      source_api_url: `${config.defaultService.origin}${config.defaultService.basePath}`,
      allow_env_api_key: config.allowEnvApiKey,
      gateway_keys: config.gatewayKeys.length,
      require_gateway_key: config.requireGatewayKey,
      anonymous_jobs: identifier.isPrivate ? 'shared' : 'nobodys',
    },
    limits: {
      default_timeout_ms: config.defaultTimeout,
      background_timeout_ms: config.backgroundTimeout,
      stream_idle_timeout_ms: config.streamIdleTimeout,
      total_timeout_ms: config.totalTimeout,
      run_limit_ms: Number.isFinite(config.runLimit) ? config.runLimit : null,
      job_timeout_ms: config.jobTimeout,
      job_ttl_s: config.jobTtl / 1000,
      max_request_size: config.maxRequestSize,
      max_response_size: config.maxResponseSize,
      max_result_size: config.maxResultSize,
      max_replay_size: config.maxReplaySize,
    },
    services,
  };
}
