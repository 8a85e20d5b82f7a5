import { KEY_HEADERS } from './services.ts';

/** RFC 9110 section 7.6.1 and RFC 9112: they speak of one connection and never cross to the next. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

const NOT_SENT = new Set([
  ...HOP_BY_HOP,
  ...KEY_HEADERS, // the credential is put in anew, the caller's or the service's
  'host', // the configured one
  'content-length', // the transport's, from the body that it sends
  'expect', // answered by the server in front of us
  'cookie', // the gateway's origin's, no provider's business
  'origin', // some providers refuse browsers; the caller of this call is a server
  'referer',
  'forwarded', // client addresses stay out
  'true-client-ip',
  'x-client-ip',
  'x-real-ip',
  'x-cluster-client-ip',
  'x-original-forwarded-for',
  'fastly-client-ip',
  'fly-client-ip',
  'x-appengine-user-ip',
  'x-azure-clientip',
  'x-azure-socketip',
  'x-envoy-external-address',
  'x-nf-client-connection-ip',
  'x-request-id', // ours
  'x-correlation-id',
  'x-trace-id',
  'prefer', // spoken to the gateway
  'idempotency-key',
  'x-replay-speed',
]);
const NOT_SENT_PREFIXES = ['x-forwarded-', 'x-vercel-', 'x-gateway-', 'cf-', 'sec-', 'access-control-', 'upstash-'];

const NOT_RETURNED = new Set([
  ...HOP_BY_HOP,
  'set-cookie', // would be set for the gateway's origin
  'set-cookie2',
  'alt-svc', // speaks of the provider's host
  'strict-transport-security',
  'public-key-pins',
  'expect-ct',
  'clear-site-data',
  'nel', // a browser would keep them for the gateway's origin, and report its users' errors to the provider
  'report-to',
  'reporting-endpoints',
  'accept-ch',
  'critical-ch',
  'service-worker-allowed',
  'refresh', // leads a browser away, as no Location does
  'content-security-policy', // ours: see proxied answers
  'content-security-policy-report-only',
  'x-processing-mode', // ours
  'x-processing-time',
  'server-timing',
  'x-job-id',
]);
const NOT_RETURNED_PREFIXES = ['access-control-', 'x-vercel-', 'x-gateway-'];

/** The caller's headers as they go to the provider, without credentials; `demo` alone sees the headers that drive it. */
export function forwardedHeaders(incoming: Headers, service: { name: string }): Headers {
  const named = connectionNamed(incoming);
  const headers = new Headers();
  for (const [name, value] of incoming) {
    if (NOT_SENT.has(name) || named.has(name)) continue;
    if (NOT_SENT_PREFIXES.some((prefix) => name.startsWith(prefix))) continue;
    if (name.startsWith('x-demo-') && service.name !== 'demo') continue;
    headers.append(name, value);
  }
  return headers;
}

/** The provider's headers as they go to the caller. Its request id keeps its place under another name. */
export function returnedHeaders(upstream: Headers): Headers {
  const named = connectionNamed(upstream);
  const headers = new Headers();
  for (const [name, value] of upstream) {
    if (NOT_RETURNED.has(name) || named.has(name)) continue;
    if (NOT_RETURNED_PREFIXES.some((prefix) => name.startsWith(prefix))) continue;
    headers.append(name === 'x-request-id' ? 'x-upstream-request-id' : name, value);
  }
  return headers;
}

/** RFC 9110 section 7.6.1: what `Connection` names is hop-by-hop too. */
function connectionNamed(headers: Headers): Set<string> {
  return new Set((headers.get('connection') ?? '').split(',').map((name) => name.trim().toLowerCase()));
}

/** Headers as they go on between two functions of one deployment: without those of the hop, and without `dropped`. */
export function perHop(headers: Headers, dropped: RegExp): Headers {
  const named = connectionNamed(headers);
  const kept = new Headers();
  for (const [name, value] of headers) {
    if (!HOP_BY_HOP.includes(name) && !named.has(name) && !dropped.test(name)) kept.append(name, value);
  }
  return kept;
}
