import type { UpstreamResponse } from '../upstream/transport.ts';
import { randomId } from './ids.ts';

/** The provider whose shapes a path speaks. */
export type Family = 'openai' | 'anthropic' | 'gemini';

export function familyOf(path: string): Family {
  if (path === '/v1/messages' || path.startsWith('/v1/messages/')) return 'anthropic';
  return path.startsWith('/v1beta/') ? 'gemini' : 'openai';
}

type RefusalStatus = 400 | 404 | 429 | 500;

/** An answer other than 200; thrown anywhere, shaped once for the provider of the path. */
export class Refusal extends Error {
  readonly status: RefusalStatus;
  readonly param: string | null;

  constructor(status: RefusalStatus, message: string, param: string | null = null) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.param = param;
  }
}

/** A connection that broke, with the code that Node's sockets give it. */
export class ConnectionReset extends Error {
  readonly code = 'ECONNRESET';

  constructor(when: string) {
    super(`The demo service reset the connection ${when}, as asked by x-demo-fail.`);
    this.name = 'ConnectionReset';
  }
}

const words = {
  400: { openai: ['invalid_request_error', null], anthropic: 'invalid_request_error', gemini: 'INVALID_ARGUMENT' },
  404: { openai: ['invalid_request_error', 'unknown_url'], anthropic: 'not_found_error', gemini: 'NOT_FOUND' },
  429: { openai: ['requests', 'rate_limit_exceeded'], anthropic: 'rate_limit_error', gemini: 'RESOURCE_EXHAUSTED' },
  500: { openai: ['server_error', null], anthropic: 'api_error', gemini: 'INTERNAL' },
} as const;

function envelope(family: Family, { status, message, param }: Refusal): object {
  const named = words[status];
  switch (family) {
    case 'openai':
      return { error: { message, type: named.openai[0], param, code: named.openai[1] } };
    case 'anthropic':
      return { type: 'error', error: { type: named.anthropic, message }, request_id: randomId('req_') };
    case 'gemini':
      return { error: { code: status, message, status: named.gemini } };
  }
}

/** The refusal as the provider of that path would send it. */
export function refuse(family: Family, refusal: Refusal): UpstreamResponse {
  const headers = new Headers({ 'content-type': 'application/json' });
  // Only the failures that pass by themselves invite another try.
  if (refusal.status === 429 || refusal.status === 500) headers.set('retry-after', '1');
  return { status: refusal.status, headers, body: new Response(JSON.stringify(envelope(family, refusal))).body };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** What `x-demo-fail` can ask for. */
export const failures = ['429', '500', 'reset', 'hang', 'mid-stream'] as const;
export type Failure = (typeof failures)[number];

/** Carries out the failures that come instead of an answer; `mid-stream` is left to the body. */
export async function failEarly(failure: Failure | undefined, signal: AbortSignal): Promise<void> {
  switch (failure) {
    case '429':
      throw new Refusal(429, 'Rate limit reached, as asked by x-demo-fail.');
    case '500':
      throw new Refusal(500, 'The demo service failed, as asked by x-demo-fail.');
    case 'reset':
      throw new ConnectionReset('before the answer');
    case 'hang':
      return aborted(signal);
    case 'mid-stream':
    case undefined:
      return;
  }
}
