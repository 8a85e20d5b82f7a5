import type { Collected } from '../replay/collect.ts';
import { GatewayError } from './errors.ts';

/**
 * What a stream came to, as the answer that the provider would have given without one: the completion with `status`, or
 * its error.
 * @throws GatewayError `upstream_reset` where it was broken off; `upstream_malformed` where it spells no completion
 */
export function collectedResponse(collected: Collected, status: number, headers: Headers): Response {
  switch (collected.kind) {
    case 'completion':
      return json(collected.json, status, headers);
    case 'failed':
      // It has worked on the call, and may be paid for it.
      headers.set('x-should-retry', 'false');
      return json(collected.json, collected.status, headers);
    case 'broken':
      throw new GatewayError('upstream_reset');
    case 'foreign':
      throw new GatewayError('upstream_malformed');
  }
}

function json(text: string, status: number, headers: Headers): Response {
  headers.set('content-type', 'application/json');
  return new Response(text, { status, headers });
}
