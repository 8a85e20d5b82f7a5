import { type Context, Hono, type Next } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { GatewayError } from '../http/errors.ts';
import type { WorkerContext } from './context.ts';
import { deliver } from './deliver.ts';
import { giveUp } from './failed.ts';
import { sweepNow } from './sweep.ts';

/** A delivery is a name and little more; whoever sends this much is not the queue. */
const MAX_DELIVERY_BYTES = 65_536;

/** `/api/worker`, `/api/worker/failed`, `/api/worker/sweep`: the queue's doors, and nobody else's. */
export function workerRoutes(context: WorkerContext): Hono {
  const app = new Hono();
  app.use('/api/worker/*', async (c, next) => {
    await next();
    // A store that is away says "in 5 s" to callers. The queue has few deliveries, and a pace of its own for them.
    if (c.res.status === 503 && !c.res.headers.has('retry-after-ms')) c.res.headers.delete('retry-after');
  });
  app.use('/api/worker/*', asItIsSpelled);
  app.use('/api/worker/*', bodyLimit({ maxSize: MAX_DELIVERY_BYTES, onError: refuse }));
  app.post('/api/worker', ({ req }) => deliver(context, req.raw));
  app.post('/api/worker/failed', ({ req }) => giveUp(context, req.raw));
  app.post('/api/worker/sweep', ({ req }) => sweepNow(context, req.raw));
  for (const door of ['/api/worker', '/api/worker/failed', '/api/worker/sweep']) {
    app.all(door, () => {
      throw new GatewayError('method_not_allowed', { headers: { allow: 'POST' } });
    });
  }
  return app;
}

/** The router decodes a path before it looks where it leads; signatures are for a door under its one name. */
function asItIsSpelled({ req }: Context, next: Next): Promise<void> {
  if (new URL(req.url).pathname !== req.path) throw new GatewayError('not_found');
  return next();
}

function refuse(): never {
  // What is left unread of the body makes the connection useless for another request.
  throw new GatewayError('delivery_unauthorized', { headers: { connection: 'close' } });
}
