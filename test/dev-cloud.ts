import { existsSync } from 'node:fs';
import { createCloudGateway, missingInCloud } from '../lib/cloud.ts';
import { type Config, ConfigError, processEnvironment, readConfig } from '../lib/config.ts';
import { createLog } from '../lib/log.ts';
import { nodeNetwork } from '../lib/node-network.ts';
import { servePage } from '../lib/page.ts';
import { startQStash } from './fakes/qstash.ts';
import { startRedisRest } from './fakes/redis-rest.ts';
import { startRedisServer } from './fakes/redis-server.ts';
import { backendVariables } from './fakes/variables.ts';
import { serveDoor } from './harness/door.ts';

/**
 * `npm run dev:cloud`: the gateway on the cloud composition, on this machine. Without `UPSTASH_*`, `KV_*` and `QSTASH_*` in
 * the environment with a redis-server of its own and a stand-in for QStash; with them on the real ones, for which
 * `PUBLIC_BASE_URL` has to lead here. Never on one of each.
 */
if (existsSync('.env')) process.loadEnvFile('.env');
const given = processEnvironment();
const closing: (() => Promise<void>)[] = [];

/** @throws ConfigError where something of the real ones is set, and not all of it */
async function settings(): Promise<Config> {
  const isReal = Object.keys(given).some((name) => /^(UPSTASH_REDIS_|KV_REST_API_|QSTASH_)/.test(name) && given[name]);
  const asked = readConfig(given);
  if (!isReal) return readConfig({ ...given, ...(await standIns(asked.port)) });
  const missing = missingInCloud(asked);
  if (missing.length > 0) throw new ConfigError(missing.join('\n'));
  return asked;
}

/** A deployment's PUBLIC_BASE_URL is not where these jobs are to be sent. */
async function standIns(port: number) {
  const server = await startRedisServer();
  const redis = await startRedisRest({ socket: server.socket });
  const qstash = await startQStash();
  closing.push(qstash.stop, redis.stop, server.stop);
  return {
    GATEWAY_SECRET: 'the secret of a development machine',
    PUBLIC_BASE_URL: `http://127.0.0.1:${port}`,
    ...backendVariables(redis, qstash),
  };
}

const config = await settings().catch((error: unknown) => {
  if (!(error instanceof ConfigError)) throw error;
  console.error(error.message);
  process.exit(1);
});
const log = createLog({ level: config.logLevel, format: config.logFormat, write: (line) => console.log(line) });
const network = nodeNetwork(config);
const shutdown = new AbortController();
const gateway = createCloudGateway(config, log, { ...network, shutdown: shutdown.signal });
gateway.use('/*', servePage());
const door = await serveDoor(gateway.fetch, config.port);
closing.unshift(() => door.stop(config.shutdownGrace), network.close);
console.log(
  `The gateway is up on ${door.url}, on the cloud composition${closing.length > 2 ? ', with stand-ins' : ''}.`,
);

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    shutdown.abort();
    for (const stop of closing) await stop();
    process.exit(0);
  });
}
