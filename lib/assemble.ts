import type { Hono } from 'hono';
import { runAsJob } from './gateway/as-job.ts';
import { gatewayRoutes } from './gateway/routes.ts';
import { type AppVariables, createApp, type Explain } from './http/app.ts';
import type { Identifier } from './http/auth.ts';
import { StreamSlots } from './http/stream-slots.ts';
import { baseUrlOf } from './http/url.ts';
import { jobRoutes } from './jobs/routes.ts';
import type { JsonObject } from './json.ts';
import type { Limiter } from './limit/limiter.ts';
import { rateLimit } from './limit/rate-limit.ts';
import type { WorkerContext } from './worker/context.ts';
import { workerRoutes } from './worker/routes.ts';

/** What a composition brings together. */
export interface Parts extends WorkerContext {
  readonly identifier: Identifier;
  /** What the status page says of this composition. */
  readonly describe: () => Promise<JsonObject>;
  /** Counts callers' requests, where `RATE_LIMIT` is set. */
  readonly limiter: Limiter | null;
  /** Whether this is the background function, to which an edge function hands on. */
  readonly behindEdge?: boolean;
  /** What a fault of the store or queue is called, where the operator can mend it. */
  readonly explain?: Explain;
}

/** Every door of the gateway in one web-standard application, whatever it stands on. */
export function assemble(parts: Parts): Hono<AppVariables> {
  const { config, log, identifier } = parts;
  const app = createApp(config, log, parts.explain);
  app.route('/', workerRoutes(parts));
  const slots = new StreamSlots(config.maxConcurrentStreams);
  const countRequest = rateLimit(parts.limiter, config.rateLimit, log);
  app.route('/', jobRoutes(parts, { identifier, slots, countRequest }));
  app.route(
    '/',
    gatewayRoutes({
      ...parts,
      slots,
      place: {
        countRequest,
        kind: parts.behindEdge === true ? 'background' : 'process',
        runAsJob: (call, hold, request) => runAsJob(parts, call, hold, baseUrlOf(request, config), request.headers),
      },
    }),
  );
  return app;
}
