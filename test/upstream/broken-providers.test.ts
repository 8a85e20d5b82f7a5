import { createServer as createTlsServer } from 'node:https';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Front, transports } from '../harness/edge.ts';
import { jsonOf, post, send } from '../harness/wire.ts';
import { selfSigned } from './certificate.ts';

/** What these answer to whoever connects, as raw bytes; then the connection is closed. */
const RAW: Readonly<Record<string, string>> = {
  garbage: 'SSH-2.0-OpenSSH_9.9\r\n',
  nothing: '',
  'half-a-head': 'HTTP/1.1 200 OK\r\ncontent-type: te',
  'two-lengths': 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello',
  'huge-head': `HTTP/1.1 200 OK\r\nx-big: ${'x'.repeat(100_000)}\r\n\r\n`,
  'status-999': 'HTTP/1.1 999 Request denied\r\ncontent-length: 2\r\n\r\nno',
  short: 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this',
  'cut-chunk': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n',
};

const listening = (server: Server) =>
  new Promise<number>((resolve, reject) =>
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('no port'));
      else resolve(address.port);
    }),
  );

describe.each(transports)('providers that are broken: %s', (_via, start) => {
  const servers: Server[] = [];
  let gateway: Front;
  beforeAll(async () => {
    const services: Record<string, { host: string }> = { unresolved: { host: 'provider.invalid' } };
    for (const [name, bytes] of Object.entries(RAW)) {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end(bytes, 'latin1'));
      });
      servers.push(server);
      const port = await listening(server);
      services[name] = { host: `http://127.0.0.1:${port}` };
      services[`tls-to-${name}`] = { host: `https://127.0.0.1:${port}` };
    }
    const secure = createTlsServer(selfSigned(), (_request, response) => void response.end('ok'));
    servers.push(secure);
    services['self-signed'] = { host: `https://127.0.0.1:${await listening(secure)}` };
    gateway = await start({ env: { PROXY_CONFIG: JSON.stringify(services), ENABLE_RETRY: 'false' } });
  });
  afterAll(async () => {
    await gateway.stop();
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  });

  it.each([
    ['unresolved', 'DNS', 'upstream_dns'],
    ['self-signed', 'SSL', 'upstream_tls'],
    ['tls-to-garbage', 'SSL', 'upstream_tls'],
  ])('%s: %s, and nothing was called', async (service, type, code) => {
    const answer = await post(gateway.url, `/gateway/${service}/v1/x`, {});
    expect([answer.status, answer.headers['x-should-retry']]).toEqual([502, undefined]);
    expect(jsonOf(answer)).toMatchObject({ error: { type, code, param: null }, status: 502 });
  });

  it.each([
    ['garbage', 'upstream_malformed'],
    ['two-lengths', 'upstream_malformed'],
    ['huge-head', 'upstream_malformed'],
    ['status-999', 'upstream_malformed'],
    ['nothing', 'upstream_reset'],
    ['half-a-head', 'upstream_reset'],
  ])('%s: %s, and no SDK may try again by itself', async (service, code) => {
    const answer = await post(gateway.url, `/gateway/${service}/v1/x`, {});
    expect([answer.status, answer.headers['x-should-retry']]).toEqual([502, 'false']);
    expect(jsonOf(answer)).toMatchObject({ error: { type: 'NETWORK', code }, status: 502 });
  });

  it.each(['short', 'cut-chunk'])('%s: what came is given, and broken off', async (service) => {
    const { status, body, complete } = await send(gateway.url, `/gateway/${service}/v1/x`);
    expect([status, complete]).toEqual([200, false]);
    expect(body.toString()).toMatch(/^(only this|hello)$/);
  });

  it('none of it tells a host, a path or a stack', async () => {
    const answer = await post(gateway.url, '/gateway/unresolved/v1/secret', {});
    expect(answer.body.toString()).not.toMatch(/provider\.invalid|secret|node:|\.ts/);
  });
});
