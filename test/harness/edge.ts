import { readConfig } from '../../lib/config.ts';
import { createEdgeGateway } from '../../lib/edge.ts';
import { serveDoor } from './door.ts';
import { type GatewayOptions, noted, type RunningGateway, startGateway } from './gateway.ts';

/** What a suite needs of a gateway that only makes calls. */
export type Front = Pick<RunningGateway, 'url' | 'config' | 'lines' | 'stop'>;

/** The edge function's gateway on Node, where it calls providers by the same `fetch`; nothing is behind it. */
export async function startEdgeGateway(options: GatewayOptions = {}): Promise<Front> {
  const config = readConfig({
    LOG_LEVEL: 'DEBUG',
    GATEWAY_SECRET: 'a secret of the tests, long enough to be one',
    ...options.env,
  });
  const { log, lines } = noted(config);
  const door = await serveDoor(createEdgeGateway(config, log).fetch);
  return { url: door.url, config, lines, stop: () => door.stop(0) };
}

/** The ways in which calls travel: what holds for one holds for the other. */
export const transports: readonly (readonly [string, (options?: GatewayOptions) => Promise<Front>])[] = [
  ['undici, on Node', startGateway],
  ['fetch, on the edge', startEdgeGateway],
];
