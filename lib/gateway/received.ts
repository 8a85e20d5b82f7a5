import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Secrets } from '../secrets.ts';
import { serviceNameAt } from './call.ts';
import { FORWARD_PREFIX, isSigned, SIGNATURE_HEADER } from './signature.ts';

export function isForwarded(request: Request): boolean {
  return `${new URL(request.url).pathname}/`.startsWith(`${FORWARD_PREFIX}/`);
}

/**
 * What the edge has handed on, as its caller sent it; `null` where the edge's signature is not there or not valid. It
 * opens nothing to who has seen one: the same call, with the caller's own credential, is open to everybody at its own path.
 */
export async function openForwarded(
  request: Request,
  { config, secrets, clock }: { config: Config; secrets: Secrets; clock: Clock },
): Promise<Request | null> {
  const url = new URL(request.url);
  const path = url.pathname.slice(FORWARD_PREFIX.length);
  const target = `${path}${url.search}`;
  const service = serviceNameAt(path, config);
  const signature = request.headers.get(SIGNATURE_HEADER);
  if (service === null || signature === null) return null;
  if (!(await isSigned(secrets, { method: request.method, target, service }, signature, clock.now()))) return null;
  const headers = new Headers(request.headers);
  headers.delete(SIGNATURE_HEADER);
  const { method, body, signal } = request;
  const init: RequestInit & { duplex: 'half' } = { method, headers, body, signal, duplex: 'half' };
  return new Request(`${url.origin}${target}`, init);
}
