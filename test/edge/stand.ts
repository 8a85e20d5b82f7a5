import type { Environment } from '../../lib/config.ts';
import { rewrites } from '../../lib/router.ts';
import { Caller } from '../harness/client.ts';
import { type CloudGatewayOptions, startCloudGateway } from '../harness/cloud.ts';
import type { RunningGateway } from '../harness/gateway.ts';
import { destinationOf } from '../harness/platform-router.ts';
import { type FakeUpstream, type Handler, startUpstream } from '../harness/upstream.ts';

export interface EdgeStand {
  readonly gateway: RunningGateway;
  readonly upstream: FakeUpstream;
  readonly caller: Caller;
  stop(): Promise<void>;
}

/** The edge and the Node functions with a provider `local`; the router sees no more than a call's path tells it. */
export async function startEdgeStand(
  handler: Handler,
  { env, service, ...options }: CloudGatewayOptions & { env?: Environment; service?: Record<string, unknown> } = {},
): Promise<EdgeStand> {
  const upstream = await startUpstream(handler, service === undefined ? {} : { service });
  const gateway = await startCloudGateway({
    // As where the rules for headers and long paths have not fitted: the edge decides.
    route: (path, headers) =>
      /^\/(gateway|v1)\//.test(path) ? '/api/gateway' : destinationOf(rewrites(), path, headers),
    env: { PROXY_CONFIG: upstream.proxyConfig, SOURCE_API_URL: upstream.url, ENABLE_RETRY: 'false', ...env },
    ...options,
  });
  return {
    gateway,
    upstream,
    caller: new Caller(gateway.url, { authorization: 'Bearer sk-caller' }),
    async stop() {
      await gateway.stop();
      await upstream.stop();
    },
  };
}
