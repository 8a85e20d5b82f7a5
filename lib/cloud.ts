import type { Hono } from 'hono';
import { assemble } from './assemble.ts';
import { adviceOf, explained, talking } from './backend-fault.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Config, ConfigError } from './config.ts';
import { demoTransport } from './demo/demo.ts';
import type { AppVariables } from './http/app.ts';
import { createIdentifier } from './http/auth.ts';
import { isLoopback } from './http/url.ts';
import { redisLimiter } from './limit/redis.ts';
import type { Log } from './log.ts';
import type { Network } from './node-network.ts';
import { EDGE_FIRST_BYTE_MS, FUNCTION_BODY_BYTES } from './platform.ts';
import { qstashQueue } from './queue/qstash.ts';
import type { Queue } from './queue/queue.ts';
import { createSecrets } from './secrets.ts';
import { type RedisTransport, redisStore } from './store/redis.ts';
import { upstashTransport } from './store/upstash.ts';
import { createUpstream } from './upstream/call.ts';

/** Renewed each 15 s, which is one command; a worker that dies is made up for after this long. */
const LEASE_MS = 45_000;

/** What the platform allows, and no setting changes. */
const PLATFORM_LIMITS = { edge_first_byte_ms: EDGE_FIRST_BYTE_MS, function_body_bytes: FUNCTION_BODY_BYTES };

export interface CloudOptions extends Network {
  readonly clock?: Clock;
  readonly leaseMs?: number;
  /** Aborted when the process goes away: what it runs is given back. A function has no such word. */
  readonly shutdown?: AbortSignal;
  /** Whether this is the background function, to which an edge function hands on. */
  readonly behindEdge?: boolean;
}

/**
 * The gateway on Upstash Redis and QStash: nothing of it lives in the process.
 * @throws ConfigError naming each variable that it needs and does not find
 */
export function createCloudGateway(config: Config, log: Log, options: CloudOptions): Hono<AppVariables> {
  const { redis, qstash, gatewaySecret, publicBaseUrl } = config;
  if (redis === null || qstash === null || gatewaySecret === null || publicBaseUrl === null) {
    throw new ConfigError(missingInCloud(config).join('\n'));
  }
  const { transport, clock = systemClock, leaseMs = LEASE_MS, shutdown = new AbortController().signal } = options;
  const secrets = createSecrets(gatewaySecret, config.gatewaySecretPrevious);
  const commands = named(upstashTransport(redis, config.functionLimit));
  const store = redisStore({ transport: commands, clock });
  const qstashed = qstashQueue({
    ...qstash,
    publicBaseUrl,
    clock,
    retries: config.qstashRetries,
    timeoutS: deliveryTimeoutS(config),
    protectionBypass: config.protectionBypass,
    flowControl(service) {
      const { parallelism = null, rate = null, period = 1 } = config.services.get(service) ?? {};
      return parallelism === null && rate === null ? null : { parallelism, rate, period };
    },
  });
  const queue: Queue = {
    ...qstashed,
    send: (message) => talking('qstash', () => qstashed.send(message)),
    sendMany: (messages) => talking('qstash', () => qstashed.sendMany(messages)),
    cancel: (jobId, generation) => talking('qstash', () => qstashed.cancel(jobId, generation)),
  };
  return assemble({
    ...{ config, log, clock, store, queue, secrets, leaseMs, shutdown },
    behindEdge: options.behindEdge ?? false,
    limiter: redisLimiter({ transport: commands, clock }),
    explain: explained,
    identifier: createIdentifier(config, secrets, isLoopback(new URL(publicBaseUrl))),
    upstream: createUpstream(transport, demoTransport()),
    postWebhook: options.postWebhook,
    async describe() {
      const edge = options.behindEdge === true ? { platform: PLATFORM_LIMITS } : {};
      const described = { mode: 'cloud', store: 'redis', queue: 'qstash', public_base_url: publicBaseUrl, ...edge };
      try {
        return { ...described, jobs: await store.counts() };
      } catch (error) {
        const problem = adviceOf(error);
        if (problem === null) throw error;
        return { ...described, status: 'misconfigured', problems: [problem] };
      }
    },
  });
}

/** Seconds that a delivery may take: above the function's own time, by what it takes on its way; `null` where there is none. */
export function deliveryTimeoutS({ functionLimit }: Config): number | null {
  return functionLimit === null ? null : Math.ceil(functionLimit / 1000) + 10;
}

/** The store's faults are Redis's. */
function named({ run, fields }: RedisTransport): RedisTransport {
  return {
    run: (...command) => talking('redis', () => run(...command)),
    fields: (...command) => talking('redis', () => fields(...command)),
  };
}

/** What the cloud composition needs and this configuration lacks: a line for each group of variables. */
export function missingInCloud({ redis, qstash, gatewaySecret, publicBaseUrl }: Config): string[] {
  return [
    redis === null &&
      'UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN: must be set: add the Upstash Redis integration',
    qstash === null &&
      'QSTASH_TOKEN, QSTASH_CURRENT_SIGNING_KEY, QSTASH_NEXT_SIGNING_KEY: must be set: add the Upstash QStash integration',
    gatewaySecret === null && 'GATEWAY_SECRET: must be set: openssl rand -base64 32',
    publicBaseUrl === null && 'PUBLIC_BASE_URL: must be set: the https URL under which QStash reaches this gateway',
  ].filter((line) => line !== false);
}
