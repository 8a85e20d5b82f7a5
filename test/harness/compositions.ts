import { redisAvailable } from '../fakes/redis-server.ts';
import { startCloudGateway } from './cloud.ts';
import { type GatewayOptions, type RunningGateway, startGateway } from './gateway.ts';

/** One way to put the gateway together; every scenario of test/path runs on each. */
export interface Composition {
  readonly name: string;
  start(options?: GatewayOptions): Promise<RunningGateway>;
}

const local: Composition = { name: 'one machine (SQLite)', start: startGateway };
const cloud: Composition = { name: 'cloud (Upstash Redis + QStash)', start: startCloudGateway };

/** Both; on a machine without redis-server the second is left out, by name, but never in CI. */
export const compositions: readonly Composition[] = hasCloud() ? [local, cloud] : [local];

function hasCloud(): boolean {
  if (redisAvailable() || process.env['CI'] === 'true') return true;
  console.warn(
    `left out: the scenarios on ${cloud.name}: no redis-server in PATH (Debian: apt-get install redis-server)`,
  );
  return false;
}
