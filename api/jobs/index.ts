import { createCloudGateway } from '../../lib/cloud.ts';
import { processEnvironment } from '../../lib/config.ts';
import { door } from '../../lib/door.ts';
import { nodeNetwork } from '../../lib/node-network.ts';

/** `/api/jobs…`: submit, list, poll, result, stream, cancel, retry, delete. */
export default door(processEnvironment, (config, log) => createCloudGateway(config, log, nodeNetwork(config)));
