import { errors } from 'undici';
import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../lib/http/errors.ts';
import { neverReached, upstreamFault } from '../../lib/upstream/faults.ts';

const withCode = (code: string) => Object.assign(new Error('getaddrinfo timeout certificate reset'), { code });

describe('what a fault is called', () => {
  it.each([
    ['ENOTFOUND', 'upstream_dns'],
    ['EAI_AGAIN', 'upstream_dns'],
    ['ECONNREFUSED', 'upstream_connection'],
    ['EHOSTUNREACH', 'upstream_connection'],
    ['UND_ERR_CONNECT_TIMEOUT', 'upstream_connection'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'upstream_tls'],
    ['CERT_HAS_EXPIRED', 'upstream_tls'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'upstream_tls'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'upstream_tls'],
    ['HPE_INVALID_CONSTANT', 'upstream_malformed'],
    ['UND_ERR_HEADERS_OVERFLOW', 'upstream_malformed'],
    ['ECONNRESET', 'upstream_reset'],
    ['UND_ERR_SOCKET', 'upstream_reset'],
    ['EPIPE', 'upstream_reset'],
    ['SOMETHING_NEW', 'upstream_reset'],
  ])('%s is %s, whatever its message says', (code, expected) => {
    expect(upstreamFault(withCode(code)).code).toBe(expected);
  });

  it('is looked for in causes, as fetch wraps them', () => {
    expect(upstreamFault(new TypeError('fetch failed', { cause: withCode('ENOTFOUND') })).code).toBe('upstream_dns');
    const tooLarge = new GatewayError('request_too_large');
    expect(upstreamFault(new TypeError('fetch failed', { cause: tooLarge }))).toBe(tooLarge);
  });

  it('is undici’s word for what is no HTTP, which has no code', () => {
    expect(upstreamFault(new errors.HTTPParserError('Expected HTTP/')).code).toBe('upstream_malformed');
  });

  it('is that of the first address, where several were tried', () => {
    const errors = [withCode('ECONNREFUSED'), withCode('ENETUNREACH')];
    expect(upstreamFault(new AggregateError(errors)).code).toBe('upstream_connection');
  });

  it.each([undefined, 'text', new Error('plain'), new AggregateError([])])(
    'is a reset when nothing says more',
    (error) => {
      expect(upstreamFault(error).code).toBe('upstream_reset');
    },
  );

  it('tells which calls surely never reached the provider', () => {
    const reached = ['ENOTFOUND', 'ECONNREFUSED', 'CERT_HAS_EXPIRED', 'ECONNRESET', 'HPE_X'].map((code) =>
      neverReached(upstreamFault(withCode(code))),
    );
    expect(reached).toEqual([true, true, true, false, false]);
  });
});
