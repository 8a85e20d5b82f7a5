import fc from 'fast-check';
import { bodies } from './bodies.ts';
import { paths, queries } from './paths.ts';

/** A request as a client could send it, however little sense it makes. */
export interface Generated {
  readonly method: string;
  /** Path and query as they go out; `{…}` stands for the id of one of the run's jobs. */
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}

/** A header that a provider of the test is told by to fail, and the demo service too. */
export const FAILING_HEADER = 'x-demo-fail';

const methods = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('GET', 'POST') },
  { weight: 2, arbitrary: fc.constantFrom('HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS') },
  { weight: 1, arbitrary: fc.constantFrom('QUERY', 'PROPFIND', 'MKCOL', 'PURGE', 'TRACE', 'LINK', 'M-SEARCH') },
);

/** What may stand in a header's value: a client of Node's sends nothing else. */
const valueText = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,40}$/).map((text) => text.trim());
const weird = fc.oneof(
  valueText,
  fc.constantFrom(
    '',
    ' ',
    ',',
    ';',
    '=',
    '"',
    '""',
    '"\\"',
    '*',
    '*/*;q=',
    'q=9',
    '\xff\xfe',
    '%00',
    '__proto__',
    'null',
  ),
  fc.constantFrom('-1', '0', '1e9', '99999999999999999999', '0x10', 'NaN', 'Infinity', '1.5', '\xd9\xa1'),
  fc.integer({ min: 200, max: 6_000 }).map((length) => 'v'.repeat(length)),
);

const among = (...values: readonly string[]) => fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...values) }, weird);

const HEADERS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  authorization: among(
    'Bearer sk-one',
    'Bearer sk-two',
    'Bearer fuzz-gateway-key',
    'Basic dTpw',
    'Bearer',
    'bearer  x',
  ),
  'x-api-key': among('sk-one', 'fuzz-gateway-key'),
  'x-goog-api-key': among('AIza'),
  'api-key': among('azure'),
  prefer: among(
    'respond-async',
    'respond-async, wait=1',
    'wait=1',
    'wait=0',
    'respond-async;x=y',
    'wait="1"',
    'wait=-1',
  ),
  'idempotency-key': among('"k1"', 'k1', 'k2', '""', '"k', 'k3'),
  'content-type': among(
    'application/json',
    'application/json; charset=utf-16',
    'application/vnd.x+json',
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/x-www-form-urlencoded',
    'application/octet-stream',
  ),
  accept: among('text/event-stream', 'application/json', '*/*', 'text/event-stream;q=0, */*', 'application/json;q=0'),
  'accept-encoding': among('gzip', 'br', 'identity;q=0', 'zstd, gzip'),
  'content-encoding': among('gzip', 'br', 'identity'),
  'x-gateway-stream': among('native', 'replay', 'collect', 'NATIVE'),
  'x-gateway-webhook': among('http://127.0.0.1/', 'https://hooks.example/', 'file:///etc/passwd'),
  'x-gateway-forward': among('v1.1.x', 'v1.9999999999.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'),
  'x-gateway-function': among('background'),
  'x-replay-speed': among('instant', '10', '0.5', '0'),
  'x-demo-delay-ms': among('0', '5'),
  'x-demo-token-delay-ms': among('0'),
  'x-demo-length': among('0', '10', '1000'),
  [FAILING_HEADER]: fc.constantFrom('429', '500', 'reset', 'mid-stream', 'hang', 'tea'),
  range: among('bytes=0-9', 'bytes=9-0', 'bytes=-1', 'bytes=0-0,2-3'),
  'if-none-match': among('"v1"', '*'),
  origin: among('https://evil.example', 'null', 'http://127.0.0.1'),
  'access-control-request-method': among('POST', 'EVIL'),
  'access-control-request-headers': among('authorization', 'x-a\tb'),
  'x-request-id': among('mine', 'a b', 'x'.repeat(129)),
  'last-event-id': among('0', '3', '1.2', 'end', '-1'),
  via: among('1.1 llm-job-gateway', '1.1 fred', ',,,'),
  connection: among('close', 'authorization', 'content-type, x-a'),
  expect: among('100-continue', 'tea'),
  te: among('trailers'),
  cookie: among('a=1'),
  'x-forwarded-host': among('evil.example'),
  'x-forwarded-proto': among('https', 'gopher'),
  forwarded: among('host=evil.example'),
  'upstash-signature': among('a.b.c', 'eyJhbGciOiJub25lIn0.e30.'),
  'webhook-id': among('msg_1'),
  'webhook-timestamp': among('0', '1790000000'),
  'webhook-signature': among('v1,AAAA', 'v1a,x'),
  __proto__header: among('x'),
};

const named = fc.constantFrom(...Object.keys(HEADERS)).chain((name) => {
  const value = HEADERS[name] ?? weird;
  return value.map((text): [string, string] => [name, text]);
});
const unheardOf = fc.tuple(fc.stringMatching(/^[!#$%&'*+.^_`|~0-9a-z-]{1,20}$/), weird).filter(([name]) => {
  // The client's own to set: what goes wrong there is said by the requests over raw sockets.
  return !['content-length', 'transfer-encoding', 'host', 'connection', 'upgrade', 'trailer', 'te'].includes(name);
});
const headers = fc.oneof(
  { weight: 6, arbitrary: fc.array(named, { maxLength: 5 }) },
  { weight: 1, arbitrary: fc.array(fc.oneof(named, unheardOf), { maxLength: 12 }) },
);

export const requests: fc.Arbitrary<Generated> = fc
  .record({ method: methods, path: paths, query: queries, headers, body: bodies })
  .map(({ method, path, query, headers, body }) => ({ method, target: `${path}${query}`, headers, body }));
