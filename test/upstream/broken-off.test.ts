import { createServer } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, expect, it, vi } from 'vitest';
import { transports } from '../harness/edge.ts';
import { startThrough } from '../harness/through.ts';
import { send } from '../harness/wire.ts';

const COMPLETION = 'MARKER of a completion';

afterEach(() => vi.restoreAllMocks());

it.each(transports)('what a provider sends that is no HTTP is printed by nobody: %s', async (_via, start) => {
  const printed: unknown[] = [];
  for (const name of ['error', 'info', 'log', 'warn'] as const) {
    vi.spyOn(console, name).mockImplementation((...args) => void printed.push(...args));
  }
  const provider = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n');
      setTimeout(() => socket.write(`no size ${COMPLETION}\r\n`), 50);
    });
  });
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
  const address = provider.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const env = { PROXY_CONFIG: JSON.stringify({ local: { host: `http://127.0.0.1:${port}` } }) };
  const through = await startThrough((_request, response) => void response.end(), { env, start });
  const answer = await send(through.gateway.url, '/gateway/local/x');
  expect([answer.status, answer.complete, answer.body.toString()]).toEqual([200, false, 'hello']);
  expect(inspect(printed, { depth: 20 })).not.toContain(COMPLETION);
  expect(through.gateway.lines.join('\n')).not.toContain(COMPLETION);
  expect(through.gateway.lines.join('\n')).toContain('broken off');
  await through.stop();
  await new Promise((resolve) => provider.close(resolve));
});
