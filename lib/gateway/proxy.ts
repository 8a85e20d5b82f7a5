import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { Upstream, UpstreamCall } from '../upstream/call.ts';
import { headersWithKey, keyFor, targetWithKey } from '../upstream/credential.ts';
import { returnedHeaders } from '../upstream/headers.ts';
import { relocated } from '../upstream/location.ts';
import type { Call } from './call.ts';

export interface ProxyContext {
  readonly config: Config;
  readonly upstream: Upstream;
}

/** Makes the call and gives the provider's answer as it comes: status, headers that may cross, and the bytes. */
export async function proxy(
  context: ProxyContext,
  call: Call,
  run: 'edge' | 'background',
  log: Log,
): Promise<Response> {
  const onBreak = (error: unknown) => log.warn('broken off', { service: call.service.name, error });
  const { status, headers, body } = await context.upstream({ ...upstreamCall(call, context.config, run), onBreak });
  const answer = returnedHeaders(headers);
  const location = answer.get('location');
  if (location !== null) answer.set('location', relocated(location, call.service));
  // What a provider sends is shown on the gateway's own origin, where the page lives: it must not run there.
  answer.set('content-security-policy', 'sandbox');
  answer.set('x-content-type-options', 'nosniff');
  return new Response(body, { status, headers: answer });
}

/** The call as it goes upstream, with the budget of the way that it is run. */
export function upstreamCall(call: Call, config: Config, run: 'edge' | 'background'): UpstreamCall {
  const { service, path, search, body } = call;
  const key = keyFor(call.caller.credential, service, path, config);
  const headers = headersWithKey(call.headers, key, service, config);
  // A length that is known stays known: not every provider takes a body in chunks.
  if (body.kind === 'stream' && body.size !== null) headers.set('content-length', String(body.size));
  const firstByte = run === 'background' ? config.backgroundTimeout : (service.timeout ?? config.defaultTimeout);
  return {
    service,
    method: call.method,
    target: targetWithKey(`${path}${search}`, key),
    headers,
    body: body.kind === 'none' ? null : body.kind === 'whole' ? body.bytes : body.stream,
    deadlines: {
      firstByte,
      idle: config.streamIdleTimeout,
      total: Math.max(firstByte, config.totalTimeout),
    },
    maxSize: service.maxResponseSize ?? config.maxResponseSize,
    retries: config.enableRetry ? service.maxRetries : 0,
    signal: call.signal,
  };
}
