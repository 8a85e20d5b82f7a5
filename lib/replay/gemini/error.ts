import type { ReplayEvent, StreamError } from '../format.ts';
import { jsonLine } from './line.ts';

/** https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto, with the nearest name for what HTTP alone has. */
const NAME_OF_STATUS: ReadonlyMap<number, string> = new Map([
  [400, 'INVALID_ARGUMENT'],
  [401, 'UNAUTHENTICATED'],
  [403, 'PERMISSION_DENIED'],
  [404, 'NOT_FOUND'],
  [408, 'DEADLINE_EXCEEDED'],
  [409, 'ABORTED'],
  [429, 'RESOURCE_EXHAUSTED'],
  [499, 'CANCELLED'],
  [500, 'INTERNAL'],
  [501, 'UNIMPLEMENTED'],
  [502, 'UNAVAILABLE'],
  [503, 'UNAVAILABLE'],
  [504, 'DEADLINE_EXCEEDED'],
]);

/**
 * A failure in mid-stream. Google's client throws only where `code` is a number from 400 to 599; the gateway's own code
 * is the `reason`.
 */
export function errorEvent({ message, code, status }: StreamError): ReplayEvent {
  const error = { code: status, message, status: nameOf(status), ...(code !== null && { reason: code }) };
  return { data: jsonLine({ error }) };
}

function nameOf(status: number): string {
  return NAME_OF_STATUS.get(status) ?? (status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL');
}
