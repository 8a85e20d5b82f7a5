import type { Environment } from '../../lib/config.ts';
import type { Front } from './edge.ts';
import { type GatewayOptions, startGateway } from './gateway.ts';
import { type FakeUpstream, type Handler, startUpstream, type UpstreamOptions } from './upstream.ts';

export interface Through {
  readonly gateway: Front;
  readonly upstream: FakeUpstream;
  stop(): Promise<void>;
}

export interface ThroughOptions extends UpstreamOptions {
  readonly env?: Environment;
  /** The gateway; without it that of one machine. */
  readonly start?: (options?: GatewayOptions) => Promise<Front>;
}

/** A gateway with a provider of the test's own behind it: the service `local`, and the default one behind `/v1`. */
export async function startThrough(
  handler: Handler,
  { env = {}, start = startGateway, ...options }: ThroughOptions = {},
): Promise<Through> {
  const upstream = await startUpstream(handler, options);
  const gateway = await start({
    env: { PROXY_CONFIG: upstream.proxyConfig, SOURCE_API_URL: upstream.url, ...env },
  });
  return {
    gateway,
    upstream,
    async stop() {
      await gateway.stop();
      await upstream.stop();
    },
  };
}

/** Resolves once `holds` does; fails, saying what it waited for, when that takes longer than any test should. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
