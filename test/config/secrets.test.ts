import { describe, expect, it } from 'vitest';
import { createSecrets, isReadToken, readToken } from '../../lib/secrets.ts';

const CURRENT = 'current-secret-current-secret-0001';
const PREVIOUS = 'previous-secret-previous-secret-01';
const plain = new TextEncoder().encode('Bearer sk-own');
const secrets = createSecrets(CURRENT, null);

describe('what is sealed', () => {
  it.each([0, 1, 1_000_000])('opens again: %i bytes', async (size) => {
    const bytes = new Uint8Array(size).fill(7);
    expect(await secrets.open('job_1', 'body', await secrets.seal('job_1', 'body', bytes))).toEqual(bytes);
  });

  it('shows nothing of what it was, and never looks the same', async () => {
    const [one, other] = await Promise.all([secrets.seal('job_1', 'p', plain), secrets.seal('job_1', 'p', plain)]);
    expect(Buffer.from(one).includes('sk-own')).toBe(false);
    expect(Buffer.from(one).equals(other)).toBe(false);
  });

  it('opens only as the part of the job that it was', async () => {
    const sealed = await secrets.seal('job_1', 'body', plain);
    await expect(secrets.open('job_2', 'body', sealed)).rejects.toThrow();
    await expect(secrets.open('job_1', 'credential', sealed)).rejects.toThrow();
  });

  it('opens only whole and unchanged, whichever byte it is', async () => {
    const sealed = await secrets.seal('job_1', 'body', plain);
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(secrets.open('job_1', 'body', changed), `byte ${at}`).rejects.toThrow();
    }
    for (const length of [0, 1, 5, 17, sealed.length - 1]) {
      await expect(secrets.open('job_1', 'body', sealed.slice(0, length)), `length ${length}`).rejects.toThrow();
    }
  });

  it('may lie within a larger buffer', async () => {
    const sealed = await secrets.seal('job_1', 'body', plain);
    const larger = new Uint8Array([9, 9, ...sealed, 9]);
    expect(await secrets.open('job_1', 'body', larger.subarray(2, 2 + sealed.length))).toEqual(plain);
  });
});

describe('a new secret', () => {
  const rotated = createSecrets(CURRENT, PREVIOUS);
  const old = createSecrets(PREVIOUS, null);

  it('opens what the previous one sealed, and seals what that cannot open', async () => {
    expect(await rotated.open('job_1', 'body', await old.seal('job_1', 'body', plain))).toEqual(plain);
    const sealed = await rotated.seal('job_1', 'body', plain);
    expect(await secrets.open('job_1', 'body', sealed)).toEqual(plain);
    await expect(old.open('job_1', 'body', sealed)).rejects.toThrow(
      expect.objectContaining({ code: 'secret_unknown' }),
    );
  });

  it('hashes under both while it is being changed, its own first', async () => {
    const [own, previous] = await Promise.all([secrets.hash('owner', 'x'), old.hash('owner', 'x')]);
    expect(await rotated.hashes('owner', 'x')).toEqual([own, previous]);
    expect(await rotated.hash('owner', 'x')).toBe(own);
    expect(own).not.toBe(previous);
  });
});

describe('hashes and tokens', () => {
  it('are of one purpose and one text', async () => {
    const all = await Promise.all([
      secrets.hash('owner', 'x'),
      secrets.hash('gateway-key', 'x'),
      secrets.hash('idempotency-key', 'x'),
      secrets.hash('fingerprint', 'x'),
      secrets.hash('owner', 'y'),
    ]);
    expect(new Set(all).size).toBe(all.length);
    expect(all[0]).toMatch(/^[\w-]{43}=?$/);
    expect(await createSecrets(CURRENT, null).hash('owner', 'x')).toBe(all[0]);
  });

  it('a read token opens its own job', async () => {
    const token = await readToken(secrets, 'job_1');
    expect(await isReadToken(secrets, 'job_1', token)).toBe(true);
    expect(await isReadToken(secrets, 'job_2', token)).toBe(false);
    for (const wrong of ['', 'x', `${token}x`, token.slice(1)]) {
      expect(await isReadToken(secrets, 'job_1', wrong)).toBe(false);
    }
  });

  it('a read token outlives one change of the secret', async () => {
    const token = await readToken(createSecrets(PREVIOUS, null), 'job_1');
    expect(await isReadToken(createSecrets(CURRENT, PREVIOUS), 'job_1', token)).toBe(true);
    expect(await isReadToken(secrets, 'job_1', token)).toBe(false);
  });

  it('the key of deliveries is of 256 bits and the secret’s own', async () => {
    const key = await secrets.deliveryKey();
    expect(Buffer.from(key, 'base64')).toHaveLength(32);
    expect(await createSecrets(PREVIOUS, null).deliveryKey()).not.toBe(key);
  });
});
