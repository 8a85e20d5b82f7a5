import type { Hono } from 'hono';
import { assemble } from './assemble.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Config, ConfigError } from './config.ts';
import { demoTransport } from './demo/demo.ts';
import type { AppVariables } from './http/app.ts';
import { createIdentifier } from './http/auth.ts';
import type { Log } from './log.ts';
import { qstashQueue } from './queue/qstash.ts';
import { createSecrets } from './secrets.ts';
import { redisStore } from './store/redis.ts';
import { upstashTransport } from './store/upstash.ts';
import { createUpstream } from './upstream/call.ts';
import type { Transport } from './upstream/transport.ts';

/** Renewed each 15 s, which is one command; a worker that dies is made up for after this long. */
const LEASE_MS = 45_000;

export interface CloudOptions {
  /** How calls travel on this runtime. */
  readonly transport: Transport;
  readonly clock?: Clock;
  readonly leaseMs?: number;
  /** Aborted when the process goes away: what it runs is given back. A function has no such word. */
  readonly shutdown?: AbortSignal;
}

/**
 * The gateway on Upstash Redis and QStash: nothing of it lives in the process.
 * @throws ConfigError naming each variable that it needs and does not find
 */
export function createCloudGateway(config: Config, log: Log, options: CloudOptions): Hono<AppVariables> {
  const { redis, qstash, gatewaySecret, publicBaseUrl } = config;
  if (redis === null || qstash === null || gatewaySecret === null || publicBaseUrl === null) {
    throw new ConfigError(missing(config).join('\n'));
  }
  const { transport, clock = systemClock, leaseMs = LEASE_MS, shutdown = new AbortController().signal } = options;
  const secrets = createSecrets(gatewaySecret, config.gatewaySecretPrevious);
  const store = redisStore({ transport: upstashTransport(redis), clock });
  const queue = qstashQueue({
    ...qstash,
    publicBaseUrl,
    clock,
    protectionBypass: config.protectionBypass,
    flowControl(service) {
      const parallelism = config.services.get(service)?.parallelism ?? null;
      return parallelism === null ? null : { parallelism, rate: null, period: 1 };
    },
  });
  return assemble({
    ...{ config, log, clock, store, queue, secrets, leaseMs, shutdown },
    identifier: createIdentifier(config, secrets),
    upstream: createUpstream(transport, demoTransport()),
    describe: async () => ({ mode: 'cloud', store: 'redis', queue: 'qstash', jobs: await store.counts() }),
  });
}

function missing({ redis, qstash, gatewaySecret, publicBaseUrl }: Config): string[] {
  return [
    redis === null && 'UPSTASH_REDIS_REST_URL, UPSTASH_REDIS_REST_TOKEN: add the Upstash Redis integration',
    qstash === null &&
      'QSTASH_TOKEN, QSTASH_CURRENT_SIGNING_KEY, QSTASH_NEXT_SIGNING_KEY: add the Upstash QStash integration',
    gatewaySecret === null && 'GATEWAY_SECRET: openssl rand -base64 32',
    publicBaseUrl === null && 'PUBLIC_BASE_URL: the https URL under which QStash reaches this gateway',
  ].filter((line) => line !== false);
}
