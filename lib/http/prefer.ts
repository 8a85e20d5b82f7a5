import { GatewayError } from './errors.ts';

/** Longest time that an answer is held for a caller who asks to wait (s). */
export const MAX_WAIT_S = 60;

export interface Preferences {
  readonly respondAsync: boolean;
  /** Seconds to hold the answer, never more than {@link MAX_WAIT_S}. */
  readonly wait: number | null;
}

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
