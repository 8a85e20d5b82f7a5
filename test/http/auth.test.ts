import { describe, expect, it } from 'vitest';
import { type Environment, readConfig } from '../../lib/config.ts';
import { createIdentifier } from '../../lib/http/auth.ts';
import { createSecrets } from '../../lib/secrets.ts';

const secrets = createSecrets('current-secret-current-secret-0001', null);

async function callerOf(headers: Record<string, string>, env: Environment = {}, path = '/api/jobs', isPrivate = true) {
  const request = new Request(`http://127.0.0.1:3000${path}`, { headers: { host: '127.0.0.1:3000', ...headers } });
  return createIdentifier(readConfig(env), secrets, isPrivate).identify(request, new URL(request.url));
}

/** The first owner hash of whoever makes this request. */
async function ownerOf(...request: Parameters<typeof callerOf>) {
  const [owner] = await (await callerOf(...request)).owners();
  return owner;
}

const KEYS = { GATEWAY_KEYS: 'alice:gk-alice-0001,bob:gk-bob-00002' };

describe('whose jobs they are', () => {
  it('the same key is the same caller, in whichever header it comes', async () => {
    const owners = await Promise.all([
      ownerOf({ authorization: 'Bearer k-1' }),
      ownerOf({ authorization: 'bearer  k-1' }),
      ownerOf({ 'x-api-key': 'k-1' }),
      ownerOf({ 'x-goog-api-key': 'k-1' }),
      ownerOf({ 'api-key': 'k-1' }),
      ownerOf({}, {}, '/api/jobs?key=k-1'),
    ]);
    expect(new Set(owners).size).toBe(1);
  });

  it('different callers are different owners', async () => {
    const owners = await Promise.all([
      ownerOf({}),
      ownerOf({ authorization: 'Bearer k-1' }),
      ownerOf({ authorization: 'Bearer k-2' }),
      ownerOf({ authorization: 'Bearer gk-alice-0001' }, KEYS),
      ownerOf({ authorization: 'Bearer gk-bob-00002' }, KEYS),
      // A provider's key that spells like another kind of caller.
      ownerOf({ authorization: 'Bearer alice' }, KEYS),
      ownerOf({ authorization: 'Bearer anonymous' }),
    ]);
    expect(new Set(owners).size).toBe(owners.length);
  });

  it('a gateway key that is changed keeps its jobs, as they are its name’s', async () => {
    const before = await ownerOf({ authorization: 'Bearer gk-alice-0001' }, KEYS);
    const after = await ownerOf({ authorization: 'Bearer gk-alice-new' }, { GATEWAY_KEYS: 'alice:gk-alice-new' });
    expect(after).toBe(before);
  });

  it('without a credential, a page of another site sees none of the machine’s own', async () => {
    const own = await ownerOf({});
    expect(await ownerOf({ origin: 'http://127.0.0.1:3000' })).toBe(own);
    for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }]) {
      expect(await ownerOf(headers)).not.toBe(own);
    }
  });

  it('where others reach the gateway too, callers without a credential have no jobs, and one account', async () => {
    const [one, two] = await Promise.all([0, 1].map(() => callerOf({}, {}, '/api/jobs', false)));
    expect([one?.isKnown, await one?.owners()]).toEqual([false, []]);
    expect(await one?.accounts()).toEqual(await two?.accounts());
    expect(await one?.accounts()).not.toContain(await ownerOf({}));
    expect(await ownerOf({ authorization: 'Bearer k-1' }, {}, '/api/jobs', false)).toBe(
      await ownerOf({ authorization: 'Bearer k-1' }),
    );
  });

  it('a proxy of this machine that names nothing but this machine changes nothing', async () => {
    const proxied = {
      'x-forwarded-for': '127.0.0.1, ::ffff:127.0.0.1',
      'x-real-ip': '::1',
      'x-forwarded-host': 'localhost:3000',
      'x-forwarded-proto': 'http',
      forwarded: 'for="[::1]:4000";host=127.0.0.1:3000;proto=http',
    };
    expect(await ownerOf(proxied)).toBe(await ownerOf({}));
  });

  it.each([
    [{ 'x-forwarded-for': '127.0.0.1, 203.0.113.9' }],
    [{ host: 'gateway.example' }],
    [{ host: 'rebound.example:3000', origin: 'http://rebound.example:3000' }],
    [{ 'x-forwarded-for': '203.0.113.9' }],
    [{ forwarded: 'for=203.0.113.9' }],
    [{ via: '1.1 proxy' }],
    [{ 'x-real-ip': '203.0.113.9' }],
    [{ 'cf-connecting-ip': '203.0.113.9' }],
  ])('what comes from elsewhere through this machine is nobody’s: %j', async (headers) => {
    expect((await callerOf(headers)).isKnown).toBe(false);
    expect((await callerOf({ ...headers, authorization: 'Bearer k-1' })).isKnown).toBe(true);
  });
});
