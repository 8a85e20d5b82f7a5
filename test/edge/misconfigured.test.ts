import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createBackground } from '../../lib/background.ts';
import type { Environment } from '../../lib/config.ts';
import { door } from '../../lib/door.ts';
import { createEdgeGateway } from '../../lib/edge.ts';
import { nodeNetwork } from '../../lib/node-network.ts';
import { errorIn } from '../harness/client.ts';
import { startUpstream } from '../harness/upstream.ts';
import { startEdgeStand } from './stand.ts';

const SECRET = { GATEWAY_SECRET: 'a secret of the tests, long enough to be one' };
const REDIS = { UPSTASH_REDIS_REST_URL: 'https://redis.example', UPSTASH_REDIS_REST_TOKEN: 'redis-token-value' };
const QSTASH = {
  QSTASH_TOKEN: 'qstash-token-value',
  QSTASH_CURRENT_SIGNING_KEY: 'current-value',
  QSTASH_NEXT_SIGNING_KEY: 'next-value',
};
const WHOLE = { ...SECRET, ...REDIS, ...QSTASH, PUBLIC_BASE_URL: 'https://gateway.example', LOG_LEVEL: 'ERROR' };

const edge = (environment: Environment) => door(() => environment, createEdgeGateway);
const node = (environment: Environment) =>
  door(
    () => environment,
    (config, log) => createBackground(config, log, nodeNetwork(config)),
  );
const request = (path: string, init?: RequestInit) => new Request(`https://gateway.example${path}`, init);
const job = () =>
  request('/api/jobs', { method: 'POST', body: JSON.stringify({ service: 'demo', path: '/v1/models' }) });

// A function's log is the console.
beforeAll(() => void vi.spyOn(console, 'log').mockReturnValue());
afterAll(() => void vi.restoreAllMocks());

describe('settings that are not valid', () => {
  it.each<[string, (environment: Environment) => ReturnType<typeof edge>, Environment, RegExp]>([
    ['nothing set', node, {}, /UPSTASH_REDIS_REST_URL.*QSTASH_TOKEN.*GATEWAY_SECRET.*PUBLIC_BASE_URL/],
    ['half of Redis', node, { ...WHOLE, UPSTASH_REDIS_REST_TOKEN: '' }, /UPSTASH_REDIS_REST_TOKEN: must be set/],
    ['half of QStash', node, { ...WHOLE, QSTASH_TOKEN: '' }, /QSTASH_TOKEN: must be set/],
    [
      'QSTASH_URL with a path',
      node,
      { ...WHOLE, QSTASH_URL: 'https://q.example/v2' },
      /QSTASH_URL: must be without a path/,
    ],
    ['a secret that is too short', node, { ...WHOLE, GATEWAY_SECRET: 'short-value' }, /GATEWAY_SECRET: must have 32/],
    ['no secret on the edge', edge, { LOG_LEVEL: 'ERROR' }, /GATEWAY_SECRET: must be set/],
    ['a number that is none, on the edge', edge, { ...SECRET, DEFAULT_TIMEOUT: 'soon' }, /DEFAULT_TIMEOUT: must be/],
  ])('%s: named at each request and on the status page, no value told', async (_name, make, environment, named) => {
    const { fetch } = make(environment);
    for (const path of ['/v1/chat/completions', '/api/jobs', '/api/worker', '/']) {
      const response = await fetch(request(path, { method: 'POST', body: '{}' }));
      expect([response.status, response.headers.get('x-request-id')]).toEqual([503, expect.stringMatching(/^req_/)]);
      const error = await errorIn(response);
      expect(error).toMatchObject({
        code: 'misconfigured',
        type: 'UNAVAILABLE',
        message: expect.stringMatching(named),
      });
      expect(error.message).not.toMatch(/-value|q\.example/);
    }
    const status = await fetch(request('/api/status'));
    const body = await status.json();
    expect(body).toMatchObject({ status: 'misconfigured', problems: expect.any(Array) });
    expect(JSON.stringify(body)).toMatch(named);
    expect((await fetch(request('/health'))).status).toBe(200);
  });

  it('are told to the pages that may read answers, and to no other', async () => {
    const { fetch } = edge({ ALLOWED_ORIGIN: 'https://app.example' });
    const asked = async (origin: string) => {
      const response = await fetch(request('/v1/models', { headers: { origin } }));
      expect((await errorIn(response)).code).toBe('misconfigured');
      return response.headers.get('access-control-allow-origin');
    };
    expect(await asked('https://app.example')).toBe('https://app.example');
    expect(await asked('https://other.example')).toBeNull();
  });

  it('valid ones are not in its way', async () => {
    const { fetch } = edge(SECRET);
    const response = await fetch(request('/gateway/demo/v1/models'));
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });
});

describe('a Redis or QStash that is not there', () => {
  it('Redis: named where it is needed, and on the status page', async () => {
    const gone = await startUpstream(() => undefined);
    await gone.stop();
    const { fetch } = node({ ...WHOLE, UPSTASH_REDIS_REST_URL: gone.url, DEBUG: '' });
    for (const response of [await fetch(job()), await fetch(request('/api/jobs/job_abcdefghijklmnopqrstuvwx'))]) {
      expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
      const error = await errorIn(response);
      expect(error).toMatchObject({ code: 'unavailable', message: expect.stringContaining('UPSTASH_REDIS_REST_URL') });
      expect(error.message).not.toMatch(/-value|127\.0\.0\.1/);
    }
    const status = await (await fetch(request('/api/status'))).json();
    expect(status).toMatchObject({
      status: 'misconfigured',
      problems: [expect.stringContaining('UPSTASH_REDIS_REST_URL')],
      services: expect.any(Array),
    });
  });

  it('QStash: named to who submits', async () => {
    const gone = await startUpstream(() => undefined);
    await gone.stop();
    const stand = await startEdgeStand((_request, response) => void response.end(), { env: { QSTASH_URL: gone.url } });
    const response = await stand.caller.post('/gateway/local/x', {}, { prefer: 'respond-async' });
    expect(response.status).toBe(503);
    expect(await errorIn(response)).toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('QSTASH_URL'),
    });
    await stand.stop();
  });
});
