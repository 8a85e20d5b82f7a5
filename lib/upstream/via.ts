import { GatewayError } from '../http/errors.ts';

/** What every gateway of this kind is called in `Via` (RFC 9110 section 7.6.3). */
const PSEUDONYM = 'llm-job-gateway';

/** The headers of a call as they leave: `Via` says, after those who passed it on before, that it went through here. */
export function withVia(headers: Headers): Headers {
  const leaving = new Headers(headers);
  leaving.append('via', `1.1 ${PSEUDONYM}`);
  return leaving;
}

/**
 * A service whose host leads back here would have one call make the next without end.
 * @throws GatewayError `loop_detected` where the request has come through a gateway of this kind already
 */
export function refuseLoop(headers: Headers): void {
  const hops = (headers.get('via') ?? '').split(',').map((hop) => hop.trim().split(/\s+/)[1]?.toLowerCase());
  if (!hops.includes(PSEUDONYM)) return;
  throw new GatewayError('loop_detected', { headers: { 'x-should-retry': 'false' } });
}
