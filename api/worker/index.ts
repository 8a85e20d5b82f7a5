import { createCloudGateway } from '../../lib/cloud.ts';
import { processEnvironment } from '../../lib/config.ts';
import { door } from '../../lib/door.ts';
import { nodeNetwork } from '../../lib/node-network.ts';

/** `/api/worker…`: what the queue delivers, and nobody else. */
export default door(processEnvironment, (config, log) => createCloudGateway(config, log, nodeNetwork(config)));
