import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export interface Received {
  readonly method: string;
  /** Path and query, as they came on the wire. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface FakeUpstream {
  readonly url: string;
  /** `PROXY_CONFIG` that names this upstream `local`. */
  readonly proxyConfig: string;
  /** Calls whose body has been read to its end. */
  readonly received: readonly Received[];
  stop(): Promise<void>;
}

/** Answers one call; the body has been read when it is called, unless `raw` was asked for. */
export type Handler = (request: Received, response: ServerResponse, message: IncomingMessage) => void | Promise<void>;

export interface UpstreamOptions {
  /** Hand requests over before their bodies are read. */
  readonly raw?: boolean;
  /** Fields of the service `local` in `PROXY_CONFIG`, beside its host. */
  readonly service?: Readonly<Record<string, unknown>>;
}

/** A provider of the tests: a real HTTP server on loopback that answers as it is told, well or badly. */
export async function startUpstream(handler: Handler, options: UpstreamOptions = {}): Promise<FakeUpstream> {
  const received: Received[] = [];
  const server = createServer(async (message, response) => {
    const parts: Buffer[] = [];
    if (options.raw !== true) {
      try {
        for await (const part of message) parts.push(part);
      } catch {
        // A body that the gateway has broken off is no call.
        return;
      }
    }
    const { method = '', url = '', headers, rawHeaders } = message;
    const request = { method, url, headers, rawHeaders, body: Buffer.concat(parts) };
    received.push(request);
    await handler(request, response, message);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  const url = `http://127.0.0.1:${address.port}`;
  return {
    url,
    proxyConfig: JSON.stringify({ local: { host: url, ...options.service } }),
    received,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}
