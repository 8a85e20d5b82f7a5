import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from '../harness/answers.ts';
import { compositions } from '../harness/compositions.ts';
import { errorOf, exchange, lines } from '../harness/raw.ts';
import { type Stand, startStand } from '../harness/stand.ts';
import { send } from '../harness/wire.ts';

const HOST = 'Host: 127.0.0.1';
const CLOSE = 'Connection: close';
const POST = 'POST /gateway/local/in HTTP/1.1';
const GET = 'GET /gateway/local/in HTTP/1.1';
const CHUNKED = 'Transfer-Encoding: chunked';
const HIDDEN = lines('GET /gateway/local/hidden HTTP/1.1', HOST, '', '');

/** Requests that two parsers could read as one or as two, or whose lines could become another's. */
const REFUSED: Record<string, string> = {
  'a length and chunks': lines(POST, HOST, 'Content-Length: 4', CHUNKED, '', '0', '', HIDDEN),
  'chunks and a length': lines(POST, HOST, CHUNKED, 'Content-Length: 4', '', '0', '', HIDDEN),
  'the same length twice': lines(POST, HOST, 'Content-Length: 4', 'Content-Length: 4', '', 'abcd'),
  'two lengths': lines(POST, HOST, 'Content-Length: 0', 'Content-Length: 61', '', HIDDEN),
  'a list of lengths': lines(POST, HOST, 'Content-Length: 4, 4', '', 'abcd'),
  'a length with a sign': lines(POST, HOST, 'Content-Length: +4', '', 'abcd'),
  'a length in hex': lines(POST, HOST, 'Content-Length: 0x4', '', 'abcd'),
  'another coding than chunked': lines(POST, HOST, 'Transfer-Encoding: gzip, chunked', CLOSE, '', '0', '', ''),
  'a coding behind chunked': lines(POST, HOST, 'Transfer-Encoding: chunked, gzip', '', '0', '', ''),
  'identity as a coding': lines(POST, HOST, 'Transfer-Encoding: identity', '', HIDDEN),
  'a space before the colon': lines(POST, HOST, 'Transfer-Encoding : chunked', '', '0', '', HIDDEN),
  'a control character in the coding': lines(POST, HOST, 'Transfer-Encoding: \x0bchunked', '', '0', '', HIDDEN),
  'a folded header': lines(GET, HOST, 'X-A: 1', ' X-Folded: 2', '', ''),
  'a size of a chunk that is none': lines(POST, HOST, CHUNKED, '', 'zz', 'abc', '0', '', ''),
  'a negative chunk': lines(POST, HOST, CHUNKED, '', '-3', 'abc', '0', '', ''),
  'a chunk beyond all numbers': lines(POST, HOST, CHUNKED, '', 'fffffffffffffffff', 'abc', '0', '', ''),
  'a chunk longer than its size': lines(POST, HOST, CHUNKED, '', '3', 'abcdef', '0', '', ''),
  'a bare LF in the extension of a chunk': lines(POST, HOST, CHUNKED, '', '3;a\nb', 'abc', '0', '', ''),
  'bare LFs': 'GET /gateway/local/in HTTP/1.1\nHost: 127.0.0.1\n\n',
  'bare CRs': 'GET /gateway/local/in HTTP/1.1\rHost: 127.0.0.1\r\r',
  'a CR in a value': lines(GET, HOST, 'X-A: 1\rX-B: 2', '', ''),
  'an LF in a value': lines(GET, HOST, 'X-A: 1\nX-B: 2', '', ''),
  'a NUL in a value': lines(GET, HOST, 'X-A: 1\0', '', ''),
  'a space in a name': lines(GET, HOST, 'X A: 1', '', ''),
  'no name': lines(GET, HOST, ': 1', '', ''),
  'a tab in the path': lines('GET /gateway/local/in\tout HTTP/1.1', HOST, '', ''),
  'no Host': lines(GET, CLOSE, '', ''),
  'an empty Host': lines(GET, 'Host: ', CLOSE, '', ''),
  'two Hosts': lines(GET, HOST, 'Host: evil.example', CLOSE, '', ''),
  'a Host with a path': lines(GET, 'Host: 127.0.0.1/gateway', CLOSE, '', ''),
  'a Host with a user': lines(GET, 'Host: user@127.0.0.1', CLOSE, '', ''),
  'a user in the target': lines('GET http://u:p@127.0.0.1/gateway/local/in HTTP/1.1', HOST, CLOSE, '', ''),
  'a target of another scheme': lines('GET ftp://127.0.0.1/gateway/local/in HTTP/1.1', HOST, CLOSE, '', ''),
  'a target without a path': lines('GET 127.0.0.1:80 HTTP/1.1', HOST, '', ''),
  'a backslash in the path': lines('GET /gateway\\local/in HTTP/1.1', HOST, CLOSE, '', ''),
  'the start of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a version that is none': lines('GET /gateway/local/in HTTP/7.7', HOST, '', ''),
  'no HTTP at all': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
};

describe.each(compositions)('what is no request, or more than one: $name', ({ start }) => {
  let stand: Stand;
  beforeAll(async () => {
    stand = await startStand(start);
    stand.on('/in', json({}));
    stand.on('/hidden', json({}));
  });
  afterAll(() => stand.stop());
  const calls = () => stand.received('/in').length + stand.received('/hidden').length;

  it.each(Object.entries(REFUSED))('is refused in the one shape, and nothing is called: %s', async (_what, bytes) => {
    const before = calls();
    const [answer, ...more] = await exchange(stand.gateway.url, bytes);
    expect([answer?.status, errorOf(answer).code]).toEqual([400, 'invalid_request']);
    expect(answer?.headers.get('connection')).toBe('close');
    expect(more).toEqual([]);
    expect(calls()).toBe(before);
  });

  it('a body that ends early is refused, and is no call', async () => {
    const before = calls();
    // Short enough to be gathered, and long enough to be passed on as it comes.
    for (const length of [10, 2_000_000]) {
      const bytes = lines(POST, HOST, `Content-Length: ${length}`, '', 'abc');
      const [answer] = await exchange(stand.gateway.url, bytes, { end: true });
      expect([answer?.status, errorOf(answer).code]).toEqual([400, 'invalid_request']);
    }
    expect(calls()).toBe(before);
  });

  it.each([
    ['a header', lines(GET, HOST, `X-Long: ${'x'.repeat(20_000)}`, '', '')],
    ['a path', lines(`GET /gateway/local/${'x'.repeat(20_000)} HTTP/1.1`, HOST, '', '')],
    ['very many headers', lines(GET, HOST, ...Array<string>(5_000).fill('a: 1'), '', '')],
  ])('%s of more than 16 KiB is refused', async (_what, bytes) => {
    const [answer] = await exchange(stand.gateway.url, bytes);
    expect([answer?.status, errorOf(answer).code]).toEqual([431, 'headers_too_large']);
  });

  it('what is refused of a HEAD has no body, which would be taken for the next answer', async () => {
    const head = { method: 'HEAD', headers: { 'x-long': 'x'.repeat(20_000) } };
    const answer = await send(stand.gateway.url, '/gateway/local/in', head);
    expect([answer.status, answer.body.length]).toEqual([431, 0]);
  });

  it('CONNECT and TRACE open nothing and echo nothing', async () => {
    const before = calls();
    const [connected] = await exchange(stand.gateway.url, lines('CONNECT 127.0.0.1:22 HTTP/1.1', HOST, '', ''));
    expect([connected?.status, errorOf(connected).code]).toEqual([405, 'method_not_allowed']);
    const trace = lines('TRACE /gateway/local/in HTTP/1.1', HOST, CLOSE, 'Authorization: Bearer sk-traced', '', '');
    const [traced] = await exchange(stand.gateway.url, trace);
    expect([traced?.status, errorOf(traced).code]).toEqual([405, 'method_not_allowed']);
    expect(traced?.headers.get('allow')).not.toContain('TRACE');
    expect(traced?.body).not.toContain('sk-traced');
    expect(calls()).toBe(before);
  });

  it('a call that nothing hides in arrives as one, whatever its body looks like', async () => {
    const before = stand.received('/in').length;
    const length = `Content-Length: ${HIDDEN.length}`;
    const answers = await exchange(stand.gateway.url, lines(POST, HOST, CLOSE, length, '', HIDDEN));
    expect(answers.map(({ status }) => status)).toEqual([200]);
    expect(stand.received('/in').slice(before)).toMatchObject([{ method: 'POST', body: Buffer.from(HIDDEN) }]);
    expect(stand.received('/hidden')).toEqual([]);
  });

  it('a body of a GET is no second request either', async () => {
    const length = `Content-Length: ${HIDDEN.length}`;
    const second = lines('GET /health HTTP/1.1', HOST, CLOSE, '', '');
    const answers = await exchange(stand.gateway.url, `${lines(GET, HOST, length, '', HIDDEN)}${second}`);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(stand.received('/hidden')).toEqual([]);
  });

  it('a fault behind a whole request is not taken for the answer to that', async () => {
    const answers = await exchange(stand.gateway.url, `${lines(GET, HOST, '', '')}no request\r\n\r\n`);
    for (const { status } of answers) expect(status).toBe(200);
  });

  it('a word to go on stands before the answer that it belongs to, also behind another answer', async () => {
    const first = lines(GET, HOST, '', '');
    for (const path of ['/gateway/local/in', '/nowhere', '/api/jobs/x/cancel', '/gateway/demo/v1/models']) {
      const head = lines(`PUT ${path} HTTP/1.1`, HOST, CLOSE, 'Expect: 100-continue', 'Content-Length: 3', '', 'abc');
      const [before, after, ...more] = await exchange(stand.gateway.url, `${first}${head}`);
      expect(before?.status).toBe(200);
      expect(after?.body ?? 'HTTP/').not.toContain('HTTP/');
      expect(more).toEqual([]);
    }
  });

  it('behind the last answer of a connection there is no other', async () => {
    // Refused at once, its body unread: what follows is no request any more.
    for (const rest of ['x'.repeat(70_000), 'no request\r\n\r\n', 'GET / HTTP/1.1\r\nX: \0\r\n\r\n']) {
      const head = lines('POST /gateway/unheard-of/x HTTP/1.1', HOST, 'Content-Length: 3', '', 'abc');
      const answers = await exchange(stand.gateway.url, `${head}${rest}`);
      expect(answers.map(({ status }) => status)).toEqual([404]);
    }
  });

  it('chunks arrive as the bytes that they are, their extensions and trailers do not', async () => {
    const chunks = lines('3;a=b', 'abc', '0', 'Authorization: Bearer sk-in-a-trailer', 'X-Trailer: 1', '', '');
    await exchange(stand.gateway.url, lines(POST, HOST, CLOSE, CHUNKED, 'Trailer: X-Trailer', '', chunks));
    const received = stand.received('/in').at(-1);
    expect(received?.body.toString()).toBe('abc');
    expect(JSON.stringify(received?.rawHeaders)).not.toMatch(/trailer|a=b/i);
  });

  it('what Connection names does not arrive, nor an upgrade', async () => {
    const connection = 'Connection: close, X-Private, upgrade';
    const upgrade = ['Upgrade: websocket', 'Sec-WebSocket-Key: AAAA', 'HTTP2-Settings: AAAA', 'Expect: nothing'];
    const [answer] = await exchange(
      stand.gateway.url,
      lines(GET, HOST, connection, 'X-Private: 1', 'Keep-Alive: timeout=5', ...upgrade, '', ''),
    );
    expect(answer?.status).toBe(200);
    const seen = JSON.stringify(stand.received('/in').at(-1)?.rawHeaders);
    expect(seen).not.toMatch(/private|upgrade|websocket|timeout=5|expect/i);
  });

  it('a gateway that was sent all of this still answers', async () => {
    expect((await stand.caller().get('/health')).status).toBe(200);
  });
});
