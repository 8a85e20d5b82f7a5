import { systemClock } from './clock.ts';
import { type CloudOptions, createCloudGateway } from './cloud.ts';
import type { Config } from './config.ts';
import { withinEdge } from './edge-limits.ts';
import { isForwarded, openForwarded } from './gateway/received.ts';
import { MARKER_HEADER } from './gateway/signature.ts';
import { createApp } from './http/app.ts';
import { GatewayError } from './http/errors.ts';
import type { Log } from './log.ts';
import { createSecrets } from './secrets.ts';
import type { Fetch } from './server.ts';

export interface BackgroundOptions extends CloudOptions {
  /** Milliseconds that the platform lets the edge function run, through which an answer goes that was asked for there. */
  readonly edgeLimit?: number;
}

/**
 * The background function: the whole gateway with minutes instead of seconds. It takes what the platform's router brings
 * straight to it, and what the edge hands on, if the edge has signed it.
 * @throws ConfigError as {@link createCloudGateway}
 */
export function createBackground(config: Config, log: Log, options: BackgroundOptions): { fetch: Fetch } {
  const gateway = createCloudGateway(config, log, { ...options, behindEdge: true });
  // What the edge passes on ends with the edge, which has no more time where this function has been given more.
  const { runLimit } = config;
  const handedOn =
    runLimit > withinEdge(config, options.edgeLimit).runLimit
      ? createCloudGateway(withinEdge(config, options.edgeLimit), log, { ...options, behindEdge: true })
      : gateway;
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
      // Without the mark: the edge takes it for what it is, a function that has begun nothing.
      return opened === null ? stranger.fetch(request) : marked(await handedOn.fetch(opened));
    },
  };
}

/** A plain Response: of others @hono/node-server reads the body ahead (see `createApp`). */
function marked({ body, status, headers }: Response): Response {
  const answer = new Response(body, { status, headers });
  answer.headers.set(MARKER_HEADER, 'background');
  return answer;
}
