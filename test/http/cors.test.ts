import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Environment } from '../../lib/config.ts';
import { startThrough, type Through } from '../harness/through.ts';
import { send } from '../harness/wire.ts';

function start(env: Environment): Promise<Through> {
  return startThrough(
    (_request, response) => {
      const own = {
        'access-control-allow-origin': 'https://provider.example',
        'access-control-allow-credentials': 'true',
      };
      response.writeHead(200, { vary: 'Accept-Encoding', ...own });
      response.end('{}');
    },
    { env },
  );
}

const preflight = ({ gateway }: Through, origin: string, path = '/gateway/local/x') =>
  send(gateway.url, path, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization, x-stainless-os',
    },
  });
const get = ({ gateway }: Through, origin: string, path = '/gateway/local/x') =>
  send(gateway.url, path, { headers: { origin } });

describe('CORS, open to everybody', () => {
  let through: Through;
  beforeAll(async () => {
    through = await start({});
  });
  afterAll(() => through.stop());

  it.each(['/gateway/local/x', '/v1/chat/completions', '/api/jobs', '/api/chat'])('a preflight of %s', async (path) => {
    const before = through.upstream.received.length;
    const { status, headers, body } = await preflight(through, 'https://a.example', path);
    expect([status, body.length]).toEqual([204, 0]);
    expect(headers['access-control-allow-origin']).toBe('*');
    expect(headers['access-control-allow-methods']?.split(',')).toEqual(
      expect.arrayContaining(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']),
    );
    expect(headers['access-control-allow-headers']).toBe('authorization,x-stainless-os');
    expect(headers['access-control-max-age']).toBe('86400');
    expect(headers['access-control-allow-credentials']).toBeUndefined();
    expect(headers['x-request-id']).toBeDefined();
    expect(through.upstream.received.length).toBe(before);
  });

  it('an OPTIONS that is no preflight is a call', async () => {
    await send(through.gateway.url, '/gateway/local/options', { method: 'OPTIONS' });
    expect(through.upstream.received.at(-1)).toMatchObject({ method: 'OPTIONS', url: '/options' });
  });

  it.each(['/gateway/local/x', '/gateway/unheard-of/x', '/nowhere'])(
    'an answer of %s can be read by scripts',
    async (path) => {
      const { headers } = await get(through, 'https://a.example', path);
      expect(headers['access-control-allow-origin']).toBe('*');
      const exposed = headers['access-control-expose-headers']?.toLowerCase().split(',');
      expect(exposed).toEqual(
        expect.arrayContaining([
          'x-request-id',
          'x-processing-mode',
          'x-processing-time',
          'server-timing',
          'x-job-id',
          'location',
          'retry-after',
          'preference-applied',
          'x-should-retry',
          'x-upstream-request-id',
        ]),
      );
    },
  );
});

describe.each(['*', 'https://a.example', 'https://a.example, *'])(
  'credentials of a browser, with ALLOWED_ORIGIN=%s',
  (origins) => {
    it('are allowed to nobody, whoever asks and whatever the provider says', async () => {
      const through = await start({ ALLOWED_ORIGIN: origins });
      for (const origin of ['https://a.example', 'https://c.example', 'null']) {
        for (const path of ['/gateway/local/x', '/api/jobs', '/api/status', '/nowhere']) {
          for (const { headers } of [await preflight(through, origin, path), await get(through, origin, path)]) {
            expect(headers['access-control-allow-credentials']).toBeUndefined();
            expect([undefined, '*', 'https://a.example']).toContain(headers['access-control-allow-origin']);
          }
        }
      }
      await through.stop();
    });
  },
);

describe.each(['ALLOWED_ORIGIN', 'CORS_ALLOW_ORIGIN'])('%s', (name) => {
  let through: Through;
  beforeAll(async () => {
    through = await start({ [name]: 'https://a.example, https://b.example' });
  });
  afterAll(() => through.stop());

  it.each(['https://a.example', 'https://b.example'])('lets %s in', async (origin) => {
    expect((await preflight(through, origin)).headers['access-control-allow-origin']).toBe(origin);
    const { headers } = await get(through, origin);
    expect(headers['access-control-allow-origin']).toBe(origin);
    expect(headers['vary']?.toLowerCase().split(/, */).sort()).toEqual(['accept-encoding', 'origin', 'prefer']);
  });

  it.each(['https://c.example', 'null', 'https://a.example.evil', 'http://a.example'])('but not %s', async (origin) => {
    expect((await preflight(through, origin)).headers['access-control-allow-origin']).toBeUndefined();
    const { headers } = await get(through, origin);
    expect(headers['access-control-allow-origin']).toBeUndefined();
    expect(headers['vary']?.toLowerCase()).toContain('origin');
  });
});
