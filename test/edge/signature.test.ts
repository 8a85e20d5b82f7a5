import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Forwarded, sign } from '../../lib/gateway/signature.ts';
import { createSecrets } from '../../lib/secrets.ts';
import { errorIn } from '../harness/client.ts';
import { type EdgeStand, startEdgeStand } from './stand.ts';

const SECRET = 'a secret of the tests, long enough to be one';
const TARGET = '/gateway/local/v1/embeddings?a=1';
const CALL: Forwarded = { method: 'POST', target: TARGET, service: 'local' };

describe('the way between the functions', () => {
  let stand: EdgeStand;
  beforeAll(async () => {
    stand = await startEdgeStand((_request, response) => void response.end('ok'), { env: { GATEWAY_SECRET: SECRET } });
  });
  afterAll(() => stand.stop());

  const signed = (call: Forwarded = CALL, { secret = SECRET, ageS = 0 } = {}) =>
    sign(createSecrets(secret, null), call, Date.now() - ageS * 1000);
  const through = (signature: string | null, target = TARGET, method = 'POST') =>
    stand.caller.send(method, `/api/gateway/background${target}`, {
      headers: signature === null ? {} : { 'x-gateway-forward': signature },
      ...(method === 'GET' ? {} : { body: '{}' }),
    });

  it('is open to what the edge has signed', async () => {
    const response = await through(await signed());
    expect([response.status, await response.text()]).toEqual([200, 'ok']);
  });

  it.each<[string, () => Promise<Response>]>([
    ['nothing', () => through(null)],
    ['nonsense', () => through('v1.x.y')],
    ['an empty one', () => through('')],
    ['another secret', async () => through(await signed(CALL, { secret: `${SECRET}!` }))],
    ['one of 61 s ago', async () => through(await signed(CALL, { ageS: 61 }))],
    ['one that is to hold longer', async () => through(await signed(CALL, { ageS: -120 }))],
    ['another path', async () => through(await signed(), '/gateway/local/v1/files')],
    ['another query', async () => through(await signed(), TARGET.replace('a=1', 'a=2'))],
    ['another method', async () => through(await signed(), TARGET, 'PUT')],
    ['another service', async () => through(await signed({ ...CALL, service: 'openai' }))],
    ['another time of the same', async () => through((await signed()).replace(/^v1\.\d+/, 'v1.9999999999'))],
    ['the door itself', async () => through(await signed({ ...CALL, target: '' }), '')],
    ['a path that is no call', async () => through(await signed({ ...CALL, target: '/api/jobs' }), '/api/jobs')],
  ])('is closed to %s', async (_name, attempt) => {
    const before = stand.upstream.received.length;
    const response = await attempt();
    expect([response.status, (await errorIn(response)).code]).toEqual([401, 'forward_unauthorized']);
    expect(stand.upstream.received).toHaveLength(before);
  });

  it('asks for the caller’s right as the public path does', async () => {
    const locked = await startEdgeStand((_request, response) => void response.end('ok'), {
      env: { GATEWAY_SECRET: SECRET, GATEWAY_KEYS: 'a:some-long-key', REQUIRE_GATEWAY_KEY: 'true' },
    });
    const headers = { 'x-gateway-forward': await signed() };
    const response = await locked.caller.send('POST', `/api/gateway/background${TARGET}`, { headers, body: '{}' });
    expect([response.status, (await errorIn(response)).code]).toEqual([401, 'gateway_key_required']);
    await locked.stop();
  });
});
