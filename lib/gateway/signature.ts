import { isHash, type Secrets } from '../secrets.ts';

/** Where the edge hands calls on to; the public path follows. */
export const FORWARD_PREFIX = '/api/gateway/background';
export const SIGNATURE_HEADER = 'x-gateway-forward';
/** On every answer of the background function: without it, what came is the platform's word. */
export const MARKER_HEADER = 'x-gateway-function';

/** Long enough for a function to be started, short enough to be of no use to whoever finds one in a log. */
const VALID_S = 60;

/** What a signature speaks for: one call, as it is forwarded. */
export interface Forwarded {
  readonly method: string;
  /** Path and query as the caller sent them. */
  readonly target: string;
  /** The service that the edge took the call for: both functions must have the same idea of it. */
  readonly service: string;
}

/** `v1.{unix seconds until which it holds}.{HMAC-SHA-256, base64url}`. */
export async function sign(secrets: Secrets, forwarded: Forwarded, now: number): Promise<string> {
  const until = Math.floor(now / 1000) + VALID_S;
  return `v1.${until}.${await secrets.hash('forward', textOf(forwarded, until))}`;
}

export async function isSigned(secrets: Secrets, forwarded: Forwarded, signature: string, now: number) {
  const [, digits, hash] = /^v1\.(\d{1,12})\.([\w-]{43}=?)$/.exec(signature) ?? [];
  if (digits === undefined || hash === undefined) return false;
  const until = Number(digits);
  const left = until - now / 1000;
  // One that would hold longer than ours do was made by somebody else.
  if (left < 0 || left > VALID_S + 1) return false;
  return isHash(secrets, 'forward', textOf(forwarded, until), hash);
}

function textOf({ method, target, service }: Forwarded, until: number): string {
  return JSON.stringify([method, target, service, until]);
}
