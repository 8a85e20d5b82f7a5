import { encodeBase64, encodeBase64Url } from 'hono/utils/encode';
import { GatewayError } from './http/errors.ts';

/** What a keyed hash is for: the same text hashed for two purposes gives unrelated values. */
type Purpose = 'owner' | 'gateway-key' | 'idempotency-key' | 'fingerprint' | 'read-token' | 'forward';

/** Everything that is made from `GATEWAY_SECRET`. Web Crypto only, so the same on the edge and on Node. */
export interface Secrets {
  /** AES-256-GCM under a key of the job's own; `part` is bound in, so that sealed parts cannot change places. */
  seal(jobId: string, part: string, plain: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** @throws GatewayError `secret_unknown`; DOMException when the bytes were not sealed for this place */
  open(jobId: string, part: string, sealed: Uint8Array): Promise<Uint8Array<ArrayBuffer>>;
  /** HMAC-SHA-256, base64url. */
  hash(purpose: Purpose, text: string): Promise<string>;
  /** The hash under the secret in force and, while it is being rotated, under the previous one. */
  hashes(purpose: Purpose, text: string): Promise<readonly string[]>;
  /** Base64 of the key that signs the embedded queue's deliveries. */
  deliveryKey(): Promise<string>;
}

const VERSION = 1;
const IV_BYTES = 12;
const ID_BYTES = 4;
/** Version, id of the secret, initialisation vector. */
const HEADER_BYTES = 1 + ID_BYTES + IV_BYTES;
const CACHED_KEYS = 512;

/** @param previous the secret before the last change: what it sealed stays readable, new things use `current` */
export function createSecrets(current: string, previous: string | null): Secrets {
  const own = new Root(current);
  const roots = previous === null ? [own] : [own, new Root(previous)];
  return {
    async seal(jobId, part, plain) {
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const key = await own.sealingKey(jobId);
      const cipher = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData: utf8(part) }, key, plain);
      const sealed = new Uint8Array(HEADER_BYTES + cipher.byteLength);
      sealed[0] = VERSION;
      sealed.set(await own.id(), 1);
      sealed.set(iv, 1 + ID_BYTES);
      sealed.set(new Uint8Array(cipher), HEADER_BYTES);
      return sealed;
    },
    async open(jobId, part, sealed) {
      const root = await rootOf(roots, sealed.subarray(1, 1 + ID_BYTES));
      if (sealed[0] !== VERSION || root === undefined) {
        throw new GatewayError('secret_unknown');
      }
      const iv = sealed.slice(1 + ID_BYTES, HEADER_BYTES);
      const algorithm = { name: 'AES-GCM', iv, additionalData: utf8(part) };
      const key = await root.sealingKey(jobId);
      return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, sealed.slice(HEADER_BYTES)));
    },
    hash: (purpose, text) => own.hash(purpose, text),
    hashes: (purpose, text) => Promise.all(roots.map((root) => root.hash(purpose, text))),
    deliveryKey: async () => encodeBase64((await own.derive('delivery')).buffer),
  };
}

async function rootOf(roots: readonly Root[], id: Uint8Array): Promise<Root | undefined> {
  for (const root of roots) {
    if ((await root.id()).every((byte, index) => byte === id[index])) return root;
  }
  return undefined;
}

/** One secret and the keys derived from it by HKDF-SHA-256 (RFC 5869), the purpose being the info. */
class Root {
  readonly #base: Promise<CryptoKey>;
  readonly #hashKeys = new Map<Purpose, Promise<CryptoKey>>();
  readonly #sealingKeys = new Map<string, Promise<CryptoKey>>();
  #id: Promise<Uint8Array> | undefined;

  constructor(secret: string) {
    this.#base = crypto.subtle.importKey('raw', utf8(secret), 'HKDF', false, ['deriveBits', 'deriveKey']);
  }

  async derive(info: string): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array(await crypto.subtle.deriveBits(hkdf(info), await this.#base, 256));
  }

  id(): Promise<Uint8Array> {
    this.#id ??= this.derive('id').then((bytes) => bytes.subarray(0, ID_BYTES));
    return this.#id;
  }

  /** A key for each job: no key seals so much that random vectors could meet (NIST SP 800-38D, 8.3). */
  sealingKey(jobId: string): Promise<CryptoKey> {
    const known = this.#sealingKeys.get(jobId);
    if (known !== undefined) return known;
    const key = this.#base.then((base) =>
      crypto.subtle.deriveKey(hkdf(`seal ${jobId}`), base, { name: 'AES-GCM', length: 256 }, false, [
        'encrypt',
        'decrypt',
      ]),
    );
    this.#sealingKeys.set(jobId, key);
    const [oldest] = this.#sealingKeys.keys();
    if (this.#sealingKeys.size > CACHED_KEYS && oldest !== undefined) this.#sealingKeys.delete(oldest);
    return key;
  }

  async hash(purpose: Purpose, text: string): Promise<string> {
    const key = this.#hashKeys.get(purpose) ?? this.#hashKey(purpose);
    this.#hashKeys.set(purpose, key);
    return encodeBase64Url(await crypto.subtle.sign('HMAC', await key, utf8(text)));
  }

  async #hashKey(purpose: Purpose): Promise<CryptoKey> {
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    return crypto.subtle.importKey('raw', await this.derive(`hash ${purpose}`), algorithm, false, ['sign']);
  }
}

function hkdf(info: string): HkdfParams {
  return { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: utf8(info) };
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The token that opens one job for reading. */
export function readToken(secrets: Secrets, jobId: string): Promise<string> {
  return secrets.hash('read-token', jobId);
}

export function isReadToken(secrets: Secrets, jobId: string, token: string): Promise<boolean> {
  return isHash(secrets, 'read-token', jobId, token);
}

/** Whether `given` is the hash of `text`, under the secret in force or the previous one. */
export async function isHash(secrets: Secrets, purpose: Purpose, text: string, given: string): Promise<boolean> {
  const valid = await secrets.hashes(purpose, text);
  return valid.some((candidate) => equalInConstantTime(candidate, given));
}

/** Compares texts without telling by the time it takes where they differ. */
function equalInConstantTime(expected: string, given: string): boolean {
  const [left, right] = [utf8(expected), utf8(given)];
  let difference = left.length ^ right.length;
  for (let index = 0; index < left.length; index++) difference |= (left[index] ?? 0) ^ (right[index] ?? 0);
  return difference === 0;
}
