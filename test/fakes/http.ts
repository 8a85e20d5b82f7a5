import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';

export interface Asked {
  readonly method: string;
  /** Path and query as they came on the wire, nothing decoded. */
  readonly target: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Aborted when the server stops: whatever waits must end then. */
  readonly stopped: AbortSignal;
}

export interface JsonAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** The connection ends in the middle of it. */
  readonly torn?: boolean;
}

/** An answer, or the end of the connection without one. */
export type Outcome = JsonAnswer | 'cut';

export interface Served {
  readonly url: string;
  stop(): Promise<void>;
}

/** A JSON server on a free port of the loopback interface. */
export async function serve(handle: (asked: Asked) => Promise<Outcome>): Promise<Served> {
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  const server = createServer((message, response) => {
    const answered = answer(handle, message, response, stopping.signal).finally(() => running.delete(answered));
    running.add(answered);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    async stop() {
      stopping.abort();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await Promise.all([closed, ...running]);
    },
  };
}

async function answer(
  handle: (asked: Asked) => Promise<Outcome>,
  message: IncomingMessage,
  response: ServerResponse,
  stopped: AbortSignal,
): Promise<void> {
  try {
    const parts: Buffer[] = [];
    for await (const part of message) parts.push(part);
    const { method = '', url: target = '', headers } = message;
    const [path = '', search = ''] = target.split(/\?(.*)/s, 2);
    const query = new URLSearchParams(search);
    const outcome = await handle({ method, target, path, query, headers, body: Buffer.concat(parts), stopped });
    if (outcome === 'cut') return void message.socket.destroy();
    if (outcome.torn === true) await tear(response, outcome);
    else send(response, outcome);
  } catch (error) {
    // A caller that has gone gets nothing; a fault of the fake itself is told, so that the test fails with its reason.
    if (!message.socket.destroyed) send(response, { status: 500, body: { error: `the fake failed: ${error}` } });
  }
}

function send(response: ServerResponse, { status, headers, body }: JsonAnswer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** Half of the answer, and then the end of the connection. */
async function tear(response: ServerResponse, { status, headers, body }: JsonAnswer): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(body));
  const length = { 'content-type': 'application/json', 'content-length': String(bytes.length) };
  response.writeHead(status, { ...headers, ...length });
  await new Promise((resolve) => response.write(bytes.subarray(0, bytes.length >> 1), resolve));
  response.destroy();
}

/** What a request asks for that it will not get. */
export function refusal(status: number, error: string): JsonAnswer {
  return { status, body: { error } };
}
