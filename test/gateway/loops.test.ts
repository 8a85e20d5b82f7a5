import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningGateway, startGateway } from '../harness/gateway.ts';
import { startThrough, type Through } from '../harness/through.ts';
import { jsonOf, send } from '../harness/wire.ts';

const OURS = '1.1 llm-job-gateway';

describe('Via', () => {
  let through: Through;
  beforeAll(async () => {
    through = await startThrough((_request, response) => void response.end('{}'));
  });
  afterAll(() => through.stop());
  const sentVia = () => through.upstream.received.at(-1)?.headers.via;

  it('says that a call went through here, after those that passed it on before', async () => {
    await send(through.gateway.url, '/gateway/local/x');
    expect(sentVia()).toBe(OURS);
    await send(through.gateway.url, '/gateway/local/x', { headers: { via: '1.0 fred, 1.1 p.example (Apache/1.1)' } });
    expect(sentVia()).toBe(`1.0 fred, 1.1 p.example (Apache/1.1), ${OURS}`);
  });

  it('says so of jobs too', async () => {
    const headers = { prefer: 'respond-async, wait=20', via: '1.1 fred' };
    const answer = await send(through.gateway.url, '/gateway/local/job', { method: 'POST', headers, body: '{}' });
    expect(answer.status).toBe(200);
    expect(through.upstream.received.at(-1)?.url).toBe('/job');
    expect(sentVia()).toBe(`1.1 fred, ${OURS}`);
  });

  it.each(['/gateway/local/x', '/v1/models', '/api/models', '/gateway/demo/v1/models'])(
    '%s refuses what has come through a gateway already',
    async (path) => {
      const before = through.upstream.received.length;
      for (const via of [OURS, `1.0 fred, HTTP/2 LLM-Job-Gateway (comment), 1.1 last`]) {
        const answer = await send(through.gateway.url, path, { headers: { via } });
        expect(answer.status).toBe(508);
        expect(answer.headers['x-should-retry']).toBe('false');
        expect(jsonOf(answer)).toMatchObject({ error: { code: 'loop_detected', type: 'CONNECTION' }, status: 508 });
      }
      expect(through.upstream.received.length).toBe(before);
    },
  );

  it('a name that only resembles ours is another’s', async () => {
    const headers = { via: '1.1 llm-job-gateway-two, 1.1 a (llm-job-gateway)' };
    expect((await send(through.gateway.url, '/gateway/local/x', { headers })).status).toBe(200);
  });
});

describe('a gateway whose provider is itself', () => {
  let gateway: RunningGateway;
  let lines = 0;
  beforeAll(async () => {
    // The port is known only once a gateway has it: this one forwards to the one that is asked.
    const door: { fetch: string } = { fetch: '' };
    const through = await startThrough(async ({ url, method, headers }, response) => {
      lines += 1;
      const hop = { ...(typeof headers.via === 'string' ? { via: headers.via } : {}) };
      const answer = await fetch(`${door.fetch}${url}`, { method, headers: hop });
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
    });
    gateway = await startGateway({
      env: {
        SOURCE_API_URL: through.upstream.url,
        PROXY_CONFIG: JSON.stringify({ self: { host: through.upstream.url, basePath: '/gateway/self' } }),
      },
    });
    door.fetch = gateway.url;
    return async () => {
      await gateway.stop();
      await through.stop();
    };
  });

  it.each(['/v1/models', '/gateway/self/x'])('%s goes round once', async (path) => {
    lines = 0;
    const answer = await send(gateway.url, path);
    expect(answer.status).toBe(508);
    expect(jsonOf(answer)).toMatchObject({ error: { code: 'loop_detected' } });
    expect(lines).toBe(1);
  });
});
