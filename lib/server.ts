import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { nanoid } from 'nanoid';
import { GatewayError, renderError } from './http/errors.ts';

export type Fetch = (request: Request) => Response | Promise<Response>;

export interface ServedGateway {
  readonly url: string;
  readonly port: number;
  /** Takes no more requests; what is being answered has `graceMs` to end, then its connection is cut. */
  stop(graceMs: number): Promise<void>;
}

export interface ServeOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Longest time (ms) that a request may take to arrive. */
  readonly requestTimeout?: number;
}

/** Longer than a client or a load balancer keeps an idle connection: it must not be closed under a request on its way. */
const KEEP_ALIVE_MS = 75_000;
const IDLE_LOOK_MS = 50;

/** The web-standard handler behind Node's HTTP server. */
export async function serve(fetch: Fetch, { host, port, requestTimeout }: ServeOptions): Promise<ServedGateway> {
  const server = createServer(getRequestListener(guarded(fetch), { errorHandler: malformed }));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  if (requestTimeout !== undefined) server.requestTimeout = requestTimeout;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    port: bound,
    stop: (graceMs) => stop(server, graceMs),
  };
}

async function stop(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  // A connection that has got its answer would else stay open for the next request.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS);
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  server.closeIdleConnections();
  await closed;
  clearInterval(idle);
  clearTimeout(cut);
}

/** Refuses what has no URL that could be spoken of: a bad Host, or a user in the request's target. */
function guarded(fetch: Fetch): Fetch {
  return (request) => {
    const url = URL.canParse(request.url) ? new URL(request.url) : null;
    return url === null || `${url.username}${url.password}` !== '' ? malformed() : fetch(request);
  };
}

function malformed(): Response {
  const error = new GatewayError('invalid_request', {
    message: 'The request has no valid host or path.',
    param: 'Host',
  });
  const requestId = `req_${nanoid()}`;
  const response = renderError(error, requestId);
  response.headers.set('x-request-id', requestId);
  response.headers.set('connection', 'close');
  return response;
}
