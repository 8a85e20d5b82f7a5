import { createCloudGateway } from '../../lib/cloud.ts';
import { processEnvironment, readConfig } from '../../lib/config.ts';
import { createLog } from '../../lib/log.ts';
import { nodeNetwork } from '../../lib/node-network.ts';
import { serveDoor } from '../harness/door.ts';

/** The gateway on a Redis and a QStash that live on without it: a process that drills can kill. */
const environment = processEnvironment();
const config = readConfig(environment);
const log = createLog({ level: config.logLevel, format: config.logFormat, write: (line) => console.log(line) });
const network = nodeNetwork(config);
const shutdown = new AbortController();
const leaseMs = Number(environment['DRILL_LEASE_MS']);
const gateway = createCloudGateway(config, log, { ...network, leaseMs, shutdown: shutdown.signal });
const door = await serveDoor(gateway.fetch, config.port);
console.log(`The gateway is up on ${door.url}.`);

process.once('SIGTERM', async () => {
  shutdown.abort();
  await door.stop(config.shutdownGrace);
  await network.close();
  process.exit(0);
});
