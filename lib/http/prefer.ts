import { GatewayError } from './errors.ts';

/** Longest time that an answer is held for a caller who asks to wait (s). */
export const MAX_WAIT_S = 60;

export interface Preferences {
  readonly respondAsync: boolean;
  /** Seconds to hold the answer, never more than {@link MAX_WAIT_S}. */
  readonly wait: number | null;
}

/** How streams are answered: see {@link streamPreference}. */
export type StreamPreference = 'native' | 'replay' | 'collect';

/** The `Prefer` header (RFC 7240): `respond-async` and `wait`; what is not known is passed over, as the RFC wants. */
export function preferences(headers: Headers): Preferences {
  let respondAsync = false;
  let wait: number | null = null;
  for (const preference of (headers.get('prefer') ?? '').split(',')) {
    const [name = '', value = ''] = preference.split(';', 1)[0]?.split('=', 2) ?? [];
    const bare = value.trim().replaceAll('"', '');
    if (/^respond-async$/i.test(name.trim())) respondAsync = true;
    if (/^wait$/i.test(name.trim()) && /^\d+$/.test(bare)) wait ??= Math.min(MAX_WAIT_S, Number(bare));
  }
  return { respondAsync, wait };
}

/** The `Preference-Applied` of an answer. */
export function applied({ wait }: Preferences): string {
  return wait === null ? 'respond-async' : `respond-async, wait=${wait}`;
}

/**
 * `X-Gateway-Stream`: `native` passes the provider's stream on, `replay` makes one of a whole answer, `collect` makes one
 * answer of a stream.
 */
export function streamPreference(headers: Headers): StreamPreference | null {
  const value = headers.get('x-gateway-stream')?.trim().toLowerCase() ?? null;
  if (value === null || value === 'native' || value === 'replay' || value === 'collect') return value;
  throw new GatewayError('invalid_request', {
    message: 'X-Gateway-Stream must be native, replay or collect.',
    param: 'X-Gateway-Stream',
  });
}

/** @throws GatewayError for a call that asks for a stream and for one answer of it: nobody could tell which its client reads */
export function refuseContradiction(call: { streaming: boolean; streamPreference: StreamPreference | null }): void {
  if (!call.streaming || call.streamPreference !== 'collect') return;
  throw new GatewayError('invalid_request', {
    message: 'X-Gateway-Stream: collect gives one whole answer, and the call asks for a stream.',
    param: 'X-Gateway-Stream',
  });
}

/**
 * `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a quoted string, or the bare token that most clients
 * send. Both spellings are the same key.
 * @throws GatewayError when it is empty, longer than 255 characters or not printable ASCII
 */
export function idempotencyKey(headers: Headers): string | null {
  const value = headers.get('idempotency-key');
  if (value === null) return null;
  const key = /^"(.*)"$/.exec(value.trim())?.[1] ?? value.trim();
  if (/^[\x20-\x7e]{1,255}$/.test(key)) return key;
  throw new GatewayError('invalid_request', {
    message: 'Idempotency-Key must be 1 to 255 printable ASCII characters.',
    param: 'Idempotency-Key',
  });
}
