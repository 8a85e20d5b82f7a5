import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Environment } from '../../lib/config.ts';
import { transports } from '../harness/edge.ts';
import { startGateway } from '../harness/gateway.ts';
import { startThrough, type Through, until } from '../harness/through.ts';
import { jsonOf, open, read, send } from '../harness/wire.ts';

const FAR = '60000';
type Way = (typeof transports)[number][1];

/** `/silent` never answers, `/stalls` stops after one piece, `/drips` goes on for ever, `/quick` answers. */
function startWith(
  via: Way,
  env: Environment,
  service: Record<string, unknown> = {},
  closed: string[] = [],
): Promise<Through> {
  const begin = (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: first\n\n');
  };
  return startThrough(
    ({ url }, response) => {
      response.on('close', () => closed.push(url));
      if (url === '/quick') response.end('ok');
      if (url === '/stalls' || url === '/drips') begin(response);
      if (url !== '/drips') return;
      const timer = setInterval(() => response.write('data: more\n\n'), 20);
      response.on('close', () => clearInterval(timer));
    },
    { start: via, env: { DEFAULT_TIMEOUT: FAR, STREAM_IDLE_TIMEOUT: FAR, TOTAL_TIMEOUT: FAR, ...env }, service },
  );
}

describe.each(transports)('to the first byte: %s', (_via, via) => {
  const start = startWith.bind(null, via);

  const CASES: [string, Environment, Record<string, unknown>, string, string][] = [
    ['DEFAULT_TIMEOUT', { DEFAULT_TIMEOUT: '150' }, {}, 'GET', '/silent'],
    ["the service's own", {}, { timeout: 150 }, 'GET', '/silent'],
    ["the service's own, in place of a shorter default", { DEFAULT_TIMEOUT: '1' }, { timeout: 150 }, 'GET', '/silent'],
  ];
  // On the edge that is the background function's: see test/edge.
  if (via === startGateway)
    CASES.push(['BACKGROUND_TIMEOUT, on a long path', { BACKGROUND_TIMEOUT: '150' }, {}, 'POST', '/v1/embeddings']);

  it.each(CASES)('%s', async (_name, env, service, method, path) => {
    const closed: string[] = [];
    const through = await start(env, service, closed);
    const answer = await send(through.gateway.url, `/gateway/local${path}`, { method });
    expect(answer.status).toBe(504);
    expect(jsonOf(answer)).toMatchObject({ error: { type: 'TIMEOUT', code: 'upstream_timeout' }, status: 504 });
    // The provider may be at work still: an SDK that tried again could pay twice.
    expect(answer.headers['x-should-retry']).toBe('false');
    await until(() => closed.includes(path), 'the abort at the provider');
    expect(through.upstream.received).toHaveLength(1);
    await through.stop();
  });

  it('ends once the head is there', async () => {
    const through = await start({ DEFAULT_TIMEOUT: '150' });
    const message = await open(through.gateway.url, '/gateway/local/drips').head;
    let size = 0;
    message.on('data', (part: Buffer) => {
      size += part.length;
    });
    message.on('error', () => undefined);
    const before = Date.now();
    await until(() => Date.now() - before > 400, 'time to pass');
    const then = size;
    await until(() => size > then, 'further pieces');
    message.destroy();
    await through.stop();
  });
});

describe.each(transports)('after the head: %s', (_via, via) => {
  const start = startWith.bind(null, via);

  it('a provider that stands still breaks the answer off', async () => {
    const closed: string[] = [];
    const through = await start({ STREAM_IDLE_TIMEOUT: '150' }, {}, closed);
    const { status, body, complete } = await send(through.gateway.url, '/gateway/local/stalls');
    expect([status, body.toString(), complete]).toEqual([200, 'data: first\n\n', false]);
    await until(() => closed.includes('/stalls'), 'the abort at the provider');
    await through.stop();
  });

  it('a provider that goes on for ever is broken off by the total', async () => {
    // The total is never shorter than the time to the first byte.
    const through = await start({ DEFAULT_TIMEOUT: '300', TOTAL_TIMEOUT: '300' });
    const { body, complete } = await send(through.gateway.url, '/gateway/local/drips');
    expect(body.toString()).toContain('more');
    expect(complete).toBe(false);
    await through.stop();
  });

  it('a slow reader is not mistaken for a provider that stands still', async () => {
    const size = 12_000_000;
    const through = await startThrough((_request, response) => void response.end(Buffer.alloc(size)), {
      start: via,
      env: { STREAM_IDLE_TIMEOUT: '150', MAX_RESPONSE_SIZE: String(size) },
    });
    const message = await open(through.gateway.url, '/gateway/local/file').head;
    message.pause();
    await new Promise((resolve) => setTimeout(resolve, 600));
    const { body, complete } = await read(message);
    expect([body.length, complete]).toEqual([size, true]);
    await through.stop();
  });
});

describe.each(transports)('no timer outlives its call: %s', (_via, via) => {
  let through: Through;
  beforeAll(async () => {
    through = await startWith(via, {});
  });
  afterAll(() => through.stop());

  it.each(['GET', 'HEAD'])('%s', async (method) => {
    await send(through.gateway.url, '/gateway/local/quick', { method });
    const count = () => process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;
    const before = count();
    for (let call = 0; call < 20; call++) await send(through.gateway.url, '/gateway/local/quick', { method });
    await until(() => count() <= before + 5, 'timers to go');
  });
});
