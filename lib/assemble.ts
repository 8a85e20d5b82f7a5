import type { Hono } from 'hono';
import { runAsJob } from './gateway/as-job.ts';
import { gatewayRoutes } from './gateway/routes.ts';
import { type AppVariables, createApp } from './http/app.ts';
import type { Identifier } from './http/auth.ts';
import { baseUrlOf } from './http/url.ts';
import { jobRoutes } from './jobs/routes.ts';
import type { JsonObject } from './json.ts';
import type { WorkerContext } from './worker/context.ts';
import { workerRoutes } from './worker/routes.ts';

/** What a composition brings together. */
export interface Parts extends WorkerContext {
  readonly identifier: Identifier;
  /** What the status page says of this composition. */
  readonly describe: () => Promise<JsonObject>;
}

/** Every door of the gateway in one web-standard application, whatever it stands on. */
export function assemble(parts: Parts): Hono<AppVariables> {
  const { config, log, identifier } = parts;
  const app = createApp(config, log);
  app.route('/', workerRoutes(parts));
  app.route('/', jobRoutes(parts, identifier));
  app.route(
    '/',
    gatewayRoutes({
      ...parts,
      runAsJob: (call, hold, request) => runAsJob(parts, call, hold, baseUrlOf(request, config), request.headers),
    }),
  );
  return app;
}
