import { type ErrorCode, GatewayError } from '../http/errors.ts';

/** Codes of Node, its TLS and undici, and of getaddrinfo: https://nodejs.org/api/errors.html, undici docs/api/Errors.md */
const BY_CODE: Readonly<Record<string, ErrorCode>> = {
  ENOTFOUND: 'upstream_dns',
  EAI_AGAIN: 'upstream_dns',
  EAI_FAIL: 'upstream_dns',
  ECONNREFUSED: 'upstream_connection',
  EHOSTUNREACH: 'upstream_connection',
  ENETUNREACH: 'upstream_connection',
  EADDRNOTAVAIL: 'upstream_connection',
  UND_ERR_CONNECT_TIMEOUT: 'upstream_connection',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'upstream_tls',
  SELF_SIGNED_CERT_IN_CHAIN: 'upstream_tls',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'upstream_tls',
  UNABLE_TO_GET_ISSUER_CERT: 'upstream_tls',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'upstream_tls',
  EPROTO: 'upstream_tls',
  ECONNRESET: 'upstream_reset',
  EPIPE: 'upstream_reset',
  ETIMEDOUT: 'upstream_reset',
  UND_ERR_SOCKET: 'upstream_reset',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'upstream_malformed',
  UND_ERR_HEADERS_OVERFLOW: 'upstream_malformed',
};

const BY_PREFIX: readonly (readonly [string, ErrorCode])[] = [
  ['CERT_', 'upstream_tls'],
  ['ERR_TLS_', 'upstream_tls'],
  ['ERR_SSL_', 'upstream_tls'],
  ['HPE_', 'upstream_malformed'],
];

/** Names what went wrong between the gateway and a provider, by codes and classes, never by words in a message. */
export function upstreamFault(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error;
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof GatewayError) return cause;
    const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
    const known = BY_CODE[code] ?? BY_PREFIX.find(([prefix]) => code.startsWith(prefix))?.[1];
    if (cause.name === 'HTTPParserError') return new GatewayError('upstream_malformed', { cause: error });
    if (known !== undefined) return new GatewayError(known, { cause: error });
    // Several addresses were tried (happy eyeballs): they failed for the same kind of reason.
    if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return upstreamFault(cause.errors[0]);
  }
  return new GatewayError('upstream_reset', { cause: error });
}

/** Whether the call surely never reached the provider, so that making it again cannot pay twice. */
export function neverReached(fault: GatewayError): boolean {
  return fault.code === 'upstream_dns' || fault.code === 'upstream_connection' || fault.code === 'upstream_tls';
}
