import type { Hono } from 'hono';
import { type Clock, systemClock } from './clock.ts';
import { type Config, ConfigError } from './config.ts';
import { demoTransport } from './demo/demo.ts';
import { withinEdge } from './edge-limits.ts';
import { createForward } from './gateway/forward.ts';
import { gatewayRoutes } from './gateway/routes.ts';
import { type AppVariables, createApp } from './http/app.ts';
import { createIdentifier } from './http/auth.ts';
import { StreamSlots } from './http/stream-slots.ts';
import { isLoopback } from './http/url.ts';
import type { Log } from './log.ts';
import { EDGE_FIRST_BYTE_MS } from './platform.ts';
import { createSecrets } from './secrets.ts';
import { createUpstream } from './upstream/call.ts';
import { fetchTransport } from './upstream/fetch.ts';
import type { Service } from './upstream/services.ts';
import type { Transport } from './upstream/transport.ts';

export interface EdgeOptions {
  readonly transport?: Transport;
  readonly clock?: Clock;
  /** Milliseconds to the first byte, however long the settings allow. */
  readonly firstByte?: number;
  /** Milliseconds that the platform lets an edge function run, `Infinity` where it does not end it. */
  readonly functionLimit?: number;
}

/**
 * The gateway's door on the edge: web standards only. It makes the calls that are quick or streamed, and hands on to
 * the background function what needs minutes, megabytes or the store.
 * @throws ConfigError where `GATEWAY_SECRET` is missing, with which both functions know each other
 */
export function createEdgeGateway(config: Config, log: Log, options: EdgeOptions = {}): Hono<AppVariables> {
  if (config.gatewaySecret === null) throw new ConfigError('GATEWAY_SECRET: must be set: openssl rand -base64 32');
  const { transport = fetchTransport, clock = systemClock, firstByte = EDGE_FIRST_BYTE_MS } = options;
  const quick = withFirstByte(withinEdge(config, options.functionLimit), firstByte);
  const secrets = createSecrets(config.gatewaySecret, config.gatewaySecretPrevious);
  const isPrivate = quick.publicBaseUrl !== null && isLoopback(new URL(quick.publicBaseUrl));
  const app = createApp(quick, log);
  app.route(
    '/',
    gatewayRoutes({
      config: quick,
      clock,
      identifier: createIdentifier(quick, secrets, isPrivate),
      upstream: createUpstream(transport, demoTransport()),
      headWithin: firstByte,
      slots: new StreamSlots(quick.maxConcurrentStreams),
      place: { kind: 'edge', forward: createForward({ config: quick, clock, secrets, transport, firstByte }) },
      describe: async () => ({ mode: 'edge' }),
    }),
  );
  return app;
}

/** The settings with no first byte later than the platform waits for it. */
function withFirstByte(config: Config, firstByte: number): Config {
  const capped = (service: Service): Service =>
    service.timeout === null ? service : { ...service, timeout: Math.min(service.timeout, firstByte) };
  const services = new Map(Array.from(config.services, ([name, service]) => [name, capped(service)]));
  const defaultTimeout = Math.min(config.defaultTimeout, firstByte);
  return {
    ...config,
    services,
    defaultTimeout,
    defaultService: services.get(config.defaultService.name) ?? config.defaultService,
  };
}
