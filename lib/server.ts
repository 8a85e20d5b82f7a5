import { createServer, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { getRequestListener, RequestError } from '@hono/node-server';
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
  /** The same for its head alone. */
  readonly headersTimeout?: number;
  /** How often (ms) it is looked for requests that take longer. */
  readonly lookEvery?: number;
}

/** Longer than a client or a load balancer keeps an idle connection: it must not be closed under a request on its way. */
const KEEP_ALIVE_MS = 75_000;
const IDLE_LOOK_MS = 50;
/** A body of the largest size on a slow line arrives within this; who trickles bytes to keep a connection does not. */
const REQUEST_MS = 300_000;
/** A head is 16 KiB at most. */
const HEADERS_MS = 30_000;
const LOOK_MS = 5_000;

/** The web-standard handler behind Node's HTTP server. */
export async function serve(fetch: Fetch, options: ServeOptions): Promise<ServedGateway> {
  const { host, port, requestTimeout = REQUEST_MS, headersTimeout = HEADERS_MS, lookEvery = LOOK_MS } = options;
  const server = createServer(
    {
      requestTimeout,
      headersTimeout: Math.min(headersTimeout, requestTimeout),
      connectionsCheckingInterval: lookEvery,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // Refused by `malformed`, with a body that says why.
      requireHostHeader: false,
    },
    getRequestListener(guarded(fetch), { errorHandler: (error) => (isMalformed(error) ? malformed() : failed()) }),
  );
  answerWhatIsNoRequest(server);
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

/**
 * Refuses what has no URL that could be spoken of (no Host, a bad one or several, a user in the request's target), and
 * bodies in codings of the connection that nobody here takes off (RFC 9112 section 6.1).
 */
function guarded(fetch: Fetch): Fetch {
  return (request) => {
    const url = URL.canParse(request.url) ? new URL(request.url) : null;
    const hasOneHost = /^[^,]+$/.test(request.headers.get('host') ?? '');
    if (url === null || !hasOneHost || `${url.username}${url.password}` !== '') return malformed();
    const isPlain = /^(chunked)?$/i.test(request.headers.get('transfer-encoding') ?? '');
    return isPlain ? fetch(request) : refusal(new GatewayError('invalid_request', CODED));
  };
}

const CODED = { message: 'The only transfer coding that is taken is chunked.', param: 'Transfer-Encoding' };

/** What the adapter throws where it can make no URL of a request; anything else is a fault of ours. */
function isMalformed(error: unknown): boolean {
  return error instanceof RequestError;
}

function failed(): Response {
  return refusal(new GatewayError('internal'));
}

function malformed(): Response {
  return refusal(
    new GatewayError('invalid_request', { message: 'The request has no valid host or path.', param: 'Host' }),
  );
}

/** What Node answers by itself, with an empty body or not at all, is answered in the one shape. */
function answerWhatIsNoRequest(server: Server): void {
  const answers = new WeakMap<Duplex, ServerResponse>();
  server.prependListener('request', (request, response) => answers.set(request.socket, response));
  // Node says "100 Continue" at once, which in an answer that waits for another one's end comes between its head and body.
  server.on('checkContinue', (request, response) => {
    const goOn = () => response.headersSent || response.writeContinue();
    if (response.socket === null) response.once('socket', goOn);
    else goOn();
    server.emit('request', request, response);
  });
  // Other expectations than `100-continue` are nobody's: RFC 9110 section 10.1.1 lets them be passed over.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  server.on('connect', (_request, socket) => {
    const message = 'The gateway is no proxy for connections.';
    const headers = { allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' };
    void answerRaw(socket, new GatewayError('method_not_allowed', { message, headers }));
  });
  server.on('clientError', (error, socket) => {
    const answer = answers.get(socket);
    // The answer before it may be the connection's last: then nobody listens for another.
    const tell = () => (socket.writable ? void answerRaw(socket, faultOf(error), isHead(error)) : socket.destroy());
    if (answer === undefined || answer.writableFinished) tell();
    else if (answer.writableEnded) answer.once('finish', tell);
    // A fault in a body may still be told as its request's answer. One that comes behind a whole request must not be
    // taken for the answer to that.
    else if (!answer.headersSent && !answer.req.complete) tell();
    else socket.destroy();
  });
}

/** https://nodejs.org/api/http.html#event-clienterror */
function faultOf(error: Error): GatewayError {
  switch ('code' in error ? error.code : '') {
    case 'HPE_HEADER_OVERFLOW':
      return new GatewayError('headers_too_large');
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new GatewayError('request_too_large', { message: 'The extensions of a chunk are too long.' });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new GatewayError('request_timeout');
    default:
      return new GatewayError('invalid_request', { message: 'This is not a valid HTTP request.' });
  }
}

/** What answers a HEAD has no body (RFC 9112 section 6.3): its client would take one for the next answer. */
function isHead(error: Error): boolean {
  const packet = 'rawPacket' in error && Buffer.isBuffer(error.rawPacket) ? error.rawPacket : Buffer.alloc(0);
  return packet.subarray(0, 5).toString() === 'HEAD ';
}

async function answerRaw(socket: Duplex, error: GatewayError, headOnly = false): Promise<void> {
  const { status, headers, body } = refusal(error);
  const text = await new Response(body).text();
  headers.set('content-length', String(Buffer.byteLength(text)));
  const lines = Array.from(headers, ([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${headOnly ? '' : text}`, () =>
    socket.destroy(),
  );
}

function refusal(error: GatewayError): Response {
  const requestId = `req_${nanoid()}`;
  const response = renderError(error, requestId);
  response.headers.set('x-request-id', requestId);
  response.headers.set('connection', 'close');
  return response;
}
