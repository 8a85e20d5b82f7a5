import { type Context, Hono, type Next } from 'hono';
import { cors } from 'hono/cors';
import { nanoid } from 'nanoid';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { envelopeOf, GatewayError, renderError } from './errors.ts';

export type AppVariables = {
  Variables: {
    log: Log;
    requestId: string;
    /** Whether the answer's body comes from a provider while it is passed on. */
    live?: boolean;
  };
};

/** Headers that a browser's script may read. */
const EXPOSED = [
  'Content-Length',
  'Idempotent-Replayed',
  'Location',
  'Preference-Applied',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'Server-Timing',
  'X-Job-Id',
  'X-Processing-Mode',
  'X-Processing-Time',
  'X-Request-Id',
  'X-Should-Retry',
  'X-Upstream-Request-Id',
];

/** Names a fault that the operator can mend; `null` for any other. */
export type Explain = (error: unknown) => GatewayError | null;

/** What every door shares: request id, CORS, the answer's headers, the one shape of errors, a log line for each. */
export function createApp(config: Config, log: Log, explain: Explain = () => null): Hono<AppVariables> {
  const app = new Hono<AppVariables>();

  app.use(async (c, next) => {
    const startedAt = performance.now();
    const requestId = readRequestId(c.req.raw.headers) ?? `req_${nanoid()}`;
    c.set('requestId', requestId);
    c.set('log', log.for(requestId));
    await next();
    const elapsed = Math.round(performance.now() - startedAt);
    c.header('X-Request-Id', requestId);
    c.header('X-Processing-Time', String(elapsed));
    c.header('Server-Timing', `gateway;dur=${elapsed}`);
    if (c.get('live') === true) {
      // A plain Response, whose head @hono/node-server sends first. Of others it reads the body ahead, to tell a short
      // one's length, and makes a 500 of one that breaks off early: an SDK would make the call again and pay twice.
      const { body, status, headers } = c.res;
      c.res = undefined;
      c.res = new Response(body, { status, headers });
    }
    c.get('log').debug('answered', { method: c.req.method, status: c.res.status, ms: elapsed });
  });

  app.use(corsOf(config));

  app.onError((error, c) => {
    const path = new URL(c.req.url).pathname;
    const known =
      explain(error) ?? (error instanceof GatewayError ? error : new GatewayError('internal', { cause: error }));
    const at = known.status >= 500 ? 'error' : 'info';
    // A caller who has left is no fault, and there is nobody to answer.
    if (!c.req.raw.signal.aborted) c.get('log')[at]('refused', { code: known.code, status: known.status, error });
    const response = renderError(known, c.get('requestId'), envelopeOf(path));
    // What is left of the body stands in the way of the connection's next request: the caller must open another one.
    if (known.code === 'request_too_large' || isUnread(c.req.raw)) response.headers.set('connection', 'close');
    return response;
  });

  app.notFound((c) => {
    // As above: not `c.req.path`, which is decoded.
    return renderError(new GatewayError('not_found'), c.get('requestId'), envelopeOf(new URL(c.req.url).pathname));
  });
  return app;
}

function isUnread(request: Request): boolean {
  return request.body !== null && !request.bodyUsed;
}

function corsOf(config: Config) {
  const origin = config.allowedOrigins.includes('*') ? '*' : [...config.allowedOrigins];
  const allow = cors({
    origin,
    allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    exposeHeaders: EXPOSED,
    maxAge: 86_400,
  });
  return (c: Context, next: Next) => {
    // Only a preflight is the gateway's to answer; any other OPTIONS is a call.
    const isCall = c.req.method === 'OPTIONS' && !c.req.raw.headers.has('access-control-request-method');
    return isCall ? next() : allow(c, next);
  };
}

/** The caller's own id, where it is one that can stand in a header and a log line as it is. */
function readRequestId(headers: Headers): string | null {
  for (const name of ['x-request-id', 'x-correlation-id', 'x-trace-id']) {
    const value = headers.get(name);
    if (value !== null && /^[\w.:/+=-]{1,128}$/.test(value)) return value;
  }
  return null;
}
