import type { ReplayEvent, StreamError } from '../format.ts';
import { named } from './named.ts';

/** https://platform.claude.com/docs/en/api/errors, and 409 from the official client's list (`ErrorType`). */
const TYPE_OF_STATUS: ReadonlyMap<number, string> = new Map([
  [400, 'invalid_request_error'],
  [401, 'authentication_error'],
  [402, 'billing_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [408, 'timeout_error'],
  [409, 'conflict_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [500, 'api_error'],
  [503, 'overloaded_error'],
  [504, 'timeout_error'],
  [529, 'overloaded_error'],
]);

const TYPES: ReadonlySet<string> = new Set(TYPE_OF_STATUS.values());

/** A failure in mid-stream. Clients act on `error.type` and `error.message`, and pass over the members beside them. */
export function errorEvent({ message, type, code, param = null, status }: StreamError): ReplayEvent {
  const error = { type: TYPES.has(type) ? type : typeOf(status), message, code, param };
  return named('error', { error, status });
}

function typeOf(status: number): string {
  return TYPE_OF_STATUS.get(status) ?? (status < 500 ? 'invalid_request_error' : 'api_error');
}
