import { systemClock } from './clock.ts';
import { type CloudOptions, createCloudGateway } from './cloud.ts';
import type { Config } from './config.ts';
import { isForwarded, openForwarded } from './gateway/received.ts';
import { MARKER_HEADER } from './gateway/signature.ts';
import { createApp } from './http/app.ts';
import { GatewayError } from './http/errors.ts';
import type { Log } from './log.ts';
import { createSecrets } from './secrets.ts';
import type { Fetch } from './server.ts';

/**
 * The background function: the whole gateway with minutes instead of seconds. It takes what the platform's router brings
 * straight to it, and what the edge hands on, if the edge has signed it.
 * @throws ConfigError as {@link createCloudGateway}
 */
export function createBackground(config: Config, log: Log, options: CloudOptions): { fetch: Fetch } {
  const gateway = createCloudGateway(config, log, { ...options, behindEdge: true });
  const stranger = createApp(config, log);
  stranger.all('*', () => {
    throw new GatewayError('forward_unauthorized');
  });
  const clock = options.clock ?? systemClock;
  const secrets = createSecrets(config.gatewaySecret ?? '', config.gatewaySecretPrevious);
  return {
    async fetch(request) {
      if (!isForwarded(request)) return gateway.fetch(request);
      const opened = await openForwarded(request, { config, secrets, clock });
      return marked(await (opened === null ? stranger.fetch(request) : gateway.fetch(opened)));
    },
  };
}

/** A plain Response: of others @hono/node-server reads the body ahead (see `createApp`). */
function marked({ body, status, headers }: Response): Response {
  const answer = new Response(body, { status, headers });
  answer.headers.set(MARKER_HEADER, 'background');
  return answer;
}
