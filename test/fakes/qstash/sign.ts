import { createHash, createHmac, randomUUID } from 'node:crypto';

export interface SigningKeys {
  readonly current: string;
  readonly next: string;
}

const VALID_S = 300;

/** The JWT of a delivery, as https://upstash.com/docs/qstash/features/security has it. */
export function sign(url: string, body: Buffer, key: string, skewS: number): string {
  const now = Math.floor(Date.now() / 1000) + skewS;
  const claims = {
    iss: 'Upstash',
    sub: url,
    exp: now + VALID_S,
    nbf: now,
    iat: now,
    jti: `jwt_${randomUUID()}`,
    // The vendor pads this hash, which base64url in Node does not.
    body: padded(createHash('sha256').update(body).digest('base64url')),
  };
  const signed = `${encoded({ alg: 'HS256', typ: 'JWT' })}.${encoded(claims)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

function padded(base64url: string): string {
  return base64url.padEnd(Math.ceil(base64url.length / 4) * 4, '=');
}
