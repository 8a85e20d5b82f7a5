import { type Context, Hono } from 'hono';
import type { AppVariables } from '../http/app.ts';
import { GatewayError } from '../http/errors.ts';
import { type GatewayContext, handleCall } from './handle.ts';
import { health, type StatusContext, statusReader } from './status.ts';

/** `/gateway/…`, `/v1/…`, their aliases, health and status. */
export function gatewayRoutes(context: GatewayContext & StatusContext): Hono<AppVariables> {
  const app = new Hono<AppVariables>();
  const status = statusReader(context);
  const call = async (c: Context<AppVariables>) => {
    const response = await handleCall(context, c.req.raw, { log: c.get('log'), requestId: c.get('requestId') });
    // All but a job's 202: what a provider sends, also by way of the store.
    c.set('live', response.status !== 202);
    return response;
  };
  app.use(async (c, next) => {
    await next();
    // A call that was refused before it was decided went no further than here.
    const here = context.place.kind === 'background' ? 'background' : 'edge';
    if (!c.res.headers.has('x-processing-mode')) c.header('X-Processing-Mode', here);
  });
  for (const path of ['/gateway/health', '/health']) app.get(path, () => Response.json(health(context.clock.now())));
  app.get('/api/status', async () => Response.json(await status()));
  app.post('/api/chat', call);
  app.get('/api/models', call);
  app.all('/api/chat', () => onlyTakes('POST'));
  for (const path of ['/gateway/health', '/health', '/api/status', '/api/models']) {
    app.all(path, () => onlyTakes('GET, HEAD'));
  }
  app.all('/gateway/*', call);
  app.all('/v1/*', call);
  return app;
}

function onlyTakes(allow: string): never {
  throw new GatewayError('method_not_allowed', { headers: { allow } });
}
