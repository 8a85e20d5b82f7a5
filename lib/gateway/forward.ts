import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import { GatewayError } from '../http/errors.ts';
import { anySignal } from '../http/signals.ts';
import { isLoopback } from '../http/url.ts';
import type { Secrets } from '../secrets.ts';
import { neverReached, upstreamFault } from '../upstream/faults.ts';
import { perHop } from '../upstream/headers.ts';
import type { Transport, UpstreamResponse } from '../upstream/transport.ts';
import type { Call } from './call.ts';
import type { Decision } from './decide.ts';
import { timeTaken } from './proxy.ts';
import { FORWARD_PREFIX, MARKER_HEADER, SIGNATURE_HEADER, sign } from './signature.ts';

export interface ForwardContext {
  readonly config: Config;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly transport: Transport;
  /** Milliseconds from the call's arrival to the answer's head: the platform gives the edge no more. */
  readonly firstByte: number;
}

/**
 * Runs a call in the background function.
 * @returns its answer, or `unreached` where the function was surely not begun, so that nothing has been called
 * @throws GatewayError where the function may have begun and did not answer
 */
export type Forward = (
  call: Call,
  decision: Decision,
  request: Request,
  requestId: string,
) => Promise<Response | 'unreached'>;

/**
 * Answers of what stands before the function: not found, locked, throttled (`FUNCTION_THROTTLED` is 503), and not begun.
 * 502 and 504 are not among them: the platform also says them of a function that it has ended in the midst of its work.
 */
const NOT_BEGUN: ReadonlySet<number> = new Set([401, 403, 404, 429, 503]);
/** A function takes 4.5 MB, unless the platform lets it be streamed. */
const TOO_LARGE = 413;

/** Platform's and hop's, set anew on the way; `content-length` is the transport's. */
const NOT_FORWARDED =
  /^(host|content-length|expect|forwarded|x-forwarded-.*|x-real-ip|x-vercel-(?!protection-bypass).*)$/;
/** Ours are set anew by this function; the platform's are of the inner request. */
const NOT_PASSED_BACK = /^(access-control-.*|x-gateway-function|x-vercel-.*|set-cookie|strict-transport-security|age)$/;

/** The way from the edge to the background function of the same deployment. */
export function createForward(context: ForwardContext): Forward {
  return async (call, decision, request, requestId) => {
    const url = new URL(request.url);
    const target = `${url.pathname}${url.search}`;
    const headers = perHop(request.headers, NOT_FORWARDED);
    const forwarded = { method: request.method, target, service: call.service.name };
    headers.set(SIGNATURE_HEADER, await sign(context.secrets, forwarded, context.clock.now()));
    headers.set('x-request-id', requestId);
    const { protectionBypass } = context.config;
    const own = ownOrigin(url, context.config);
    if (protectionBypass !== null && own.isSure) headers.set('x-vercel-protection-bypass', protectionBypass);
    const { body } = call;
    if (body.kind === 'stream' && body.size !== null) headers.set('content-length', String(body.size));
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), Math.max(0, context.firstByte - timeTaken(call)));
    try {
      const response = await context.transport({
        origin: own.origin,
        target: `${FORWARD_PREFIX}${target}`,
        method: request.method,
        headers,
        body: body.kind === 'none' ? null : body.kind === 'whole' ? body.bytes : body.stream,
        signal: anySignal(call.signal, late.signal),
      });
      return await answerOf(response, call);
    } catch (error) {
      call.signal.throwIfAborted();
      if (late.signal.aborted) throw timeout(call, decision);
      const fault = upstreamFault(error);
      if (neverReached(fault)) return 'unreached';
      // The caller's body ended early or grew too long: its own fault says so.
      throw fault.status < 500 || fault.code === 'background_lost' ? fault : lost(call, fault);
    } finally {
      clearTimeout(timer);
    }
  };
}

/**
 * Where this deployment is. The platform brings only the project's own hosts to the edge, of which not all are known by
 * name: one that is not is passed over where there is one that is, so that nothing in a request chooses the place.
 */
function ownOrigin(url: URL, { ownHosts, publicBaseUrl }: Config): { origin: string; isSure: boolean } {
  const base = publicBaseUrl === null ? url : new URL(publicBaseUrl);
  // `vercel dev`, with the settings of a deployment.
  const isHere = ownHosts.includes(url.host) || (isLoopback(url) && !isLoopback(base));
  const { origin, host } = isHere ? url : base;
  return { origin, isSure: ownHosts.includes(host) || isLoopback(url) };
}

async function answerOf(response: UpstreamResponse, call: Call): Promise<Response | 'unreached'> {
  const { status, headers, body } = response;
  if (headers.get(MARKER_HEADER) !== null) {
    return new Response(body, { status, headers: perHop(headers, NOT_PASSED_BACK) });
  }
  await body?.cancel();
  if (NOT_BEGUN.has(status) || isRedirect(status)) return 'unreached';
  if (status === TOO_LARGE) {
    throw new GatewayError('request_too_large', { message: 'The platform takes no body of this size.' });
  }
  throw lost(call);
}

/** Deployment protection sends browsers to its login. */
function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

/** A call with a key may be made again: the repeat joins the job, if there is one. */
function lost(call: Call, cause?: unknown): GatewayError {
  return new GatewayError('background_lost', { cause, headers: againWithKey(call) });
}

function timeout(call: Call, decision: Decision): GatewayError {
  const held = decision.run === 'job' && decision.hold === 'limit';
  return new GatewayError(held ? 'hold_timeout' : 'upstream_timeout', { headers: againWithKey(call) });
}

function againWithKey({ idempotencyKey }: Call): Record<string, string> {
  return idempotencyKey === null ? {} : { 'retry-after': '1', 'x-should-retry': 'true' };
}
