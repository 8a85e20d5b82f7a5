import { createBackground } from '../../lib/background.ts';
import { processEnvironment } from '../../lib/config.ts';
import { door } from '../../lib/door.ts';
import { nodeNetwork } from '../../lib/node-network.ts';

/** Calls that need minutes, megabytes or the store; the status page. */
export default door(processEnvironment, (config, log) => createBackground(config, log, nodeNetwork(config)));
