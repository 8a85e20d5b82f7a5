import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { transports } from '../harness/edge.ts';
import { startThrough, type Through, until } from '../harness/through.ts';
import { open } from '../harness/wire.ts';

/** The deadlines are far away: what ends a call here is its caller. */
describe.each(transports)('a caller who leaves: %s', (_via, start) => {
  let through: Through;
  let closed = 0;
  beforeAll(async () => {
    through = await startThrough(
      ({ url }, response) => {
        response.on('close', () => {
          closed += response.writableFinished ? 0 : 1;
        });
        if (url === '/silent') return;
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        if (url === '/begun') return void response.write('data: 1\n\n');
        const timer = setInterval(() => response.write('data: 1\n\n'), 10);
        response.on('close', () => clearInterval(timer));
      },
      { start },
    );
  });
  afterAll(() => through.stop());

  it.each(['/silent', '/head', '/begun'])('ends the provider’s work at once: %s', async (path) => {
    closed = 0;
    const before = through.upstream.received.length;
    const { request, head } = open(through.gateway.url, `/gateway/local${path}`);
    const ended = head.catch((error: unknown) => error);
    await until(() => through.upstream.received.length > before, 'the call at the provider');
    if (path !== '/silent') {
      const message = await head;
      message.on('error', () => undefined);
      await new Promise((resolve) => message.once('data', resolve));
    }
    request.destroy();
    await until(() => closed === 1, "the end of the provider's answer");
    await ended;
  });

  it('is not logged as a fault', () => {
    expect(through.gateway.lines.filter((line) => /ERROR|WARN/.test(line))).toEqual([]);
  });
});
