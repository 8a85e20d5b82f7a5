import { describe, expect, it } from 'vitest';
import { type Environment, readConfig } from '../../lib/config.ts';
import { createIdentifier } from '../../lib/http/auth.ts';
import { createSecrets } from '../../lib/secrets.ts';

const secrets = createSecrets('current-secret-current-secret-0001', null);

/** The first owner hash of whoever makes this request. */
async function ownerOf(headers: Record<string, string>, env: Environment = {}, path = '/api/jobs', isPrivate = true) {
  const request = new Request(`http://127.0.0.1:3000${path}`, { headers: { host: '127.0.0.1:3000', ...headers } });
  const caller = await createIdentifier(readConfig(env), secrets, isPrivate).identify(request, new URL(request.url));
  const [owner] = await caller.owners();
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
    for (const headers of [{ origin: 'https://evil.example' }, { origin: 'null' }, { host: 'evil.example:3000' }]) {
      expect(await ownerOf(headers)).not.toBe(own);
    }
  });

  it('where others reach the gateway too, callers without a credential share nothing, not even with themselves', async () => {
    const owners = await Promise.all([0, 1].map(() => ownerOf({}, {}, '/api/jobs', false)));
    expect(new Set([...owners, await ownerOf({})]).size).toBe(3);
    expect(await ownerOf({ authorization: 'Bearer k-1' }, {}, '/api/jobs', false)).toBe(
      await ownerOf({ authorization: 'Bearer k-1' }),
    );
  });

  it('behind its public name it is the same gateway', async () => {
    const env = { PUBLIC_BASE_URL: 'https://gateway.example' };
    const own = await ownerOf({}, env);
    expect(await ownerOf({ host: 'gateway.example', origin: 'https://gateway.example' }, env)).toBe(own);
    expect(await ownerOf({ host: 'other.example' }, env)).not.toBe(own);
  });
});
