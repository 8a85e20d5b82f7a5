import { gzipSync } from 'node:zlib';
import { KEY_HEADERS } from '../../lib/upstream/services.ts';
import { chatChunk, completion, DONE } from '../harness/answers.ts';
import { type FakeUpstream, type Handler, startUpstream } from '../harness/upstream.ts';

/** On every answer of the provider: its errors are its own, and cross as they are. */
export const PROVIDER_HEADER = 'x-from-provider';
/** In every error of the provider, for those that come by way of the store. */
export const PROVIDER_WORD = 'told by the provider';

/** What a caller speaks to the gateway alone, and what else no provider may see. */
const NOT_FOR_PROVIDERS =
  /^(x-gateway-.*|x-forwarded-.*|x-vercel-.*|x-demo-.*|upstash-.*|prefer|idempotency-key|x-replay-speed|cookie|origin|forwarded|x-request-id|te|expect|upgrade)$/;

export interface FuzzedProvider extends FakeUpstream {
  /** What should not have come here. */
  readonly leaks: readonly string[];
}

/** Answers well, oddly or badly, by the path. */
export async function startProvider(gatewayKey: string): Promise<FuzzedProvider> {
  const leaks: string[] = [];
  const upstream = await startUpstream((request, response, message) => {
    const { host } = new URL(upstream.url);
    if (request.headers.host !== host) leaks.push(`the host ${request.headers.host}`);
    for (const name of Object.keys(request.headers)) if (NOT_FOR_PROVIDERS.test(name)) leaks.push(`the header ${name}`);
    // Where it is known as a key: what mutilation has made of a header's name is a header of the caller's own.
    const keys = KEY_HEADERS.map((name) => request.headers[name]).concat(/[?&]key=([^&]*)/.exec(request.url) ?? []);
    if (JSON.stringify(keys).includes(gatewayKey)) leaks.push(`a gateway key in ${request.url} ${request.rawHeaders}`);
    response.setHeader(PROVIDER_HEADER, '1');
    return answerOf(request.url)(request, response, message);
  });
  return { ...upstream, leaks };
}

function answerOf(url: string): Handler {
  const [, status] = /\/(?:status|fail)\/(\d{3})/.exec(url) ?? [];
  if (status !== undefined) return told(Number(status));
  const [, way] = /\/fail\/(\w+)/.exec(url) ?? [];
  if (way === 'reset') return (_request, response) => void response.socket?.resetAndDestroy();
  if (way === 'malformed') return (_request, response) => void response.socket?.end('HTTP/1.1 maybe\r\n\r\n');
  if (way === 'cut') return cut;
  if (url.includes('/gzip')) return compressed;
  if (url.includes('/sse')) return streamed;
  if (url.includes('/odd')) return odd;
  if (url.includes('/empty')) return (_request, response) => void response.end();
  if (url.includes('/text')) return (_request, response) => void response.end('Some text. And more of it.');
  return (request, response, message) => {
    const asked = /"stream"\s*:\s*true/.test(request.body.toString());
    if (asked) return streamed(request, response, message);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(completion('Some words. And more.')));
  };
}

const told =
  (status: number): Handler =>
  (_request, response) =>
    void response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(
        status < 300 || status === 304 ? undefined : JSON.stringify({ error: { message: PROVIDER_WORD, type: 't' } }),
      );

const cut: Handler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
  response.write('{"half":', () => response.socket?.destroy());
};

const compressed: Handler = (_request, response) =>
  void response
    .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
    .end(gzipSync(JSON.stringify(completion('Compressed.'))));

const streamed: Handler = (_request, response) =>
  void response
    .writeHead(200, { 'content-type': 'text/event-stream' })
    .end(`${chatChunk('Some ')}${chatChunk('words.', 'stop')}${DONE}`);

/** Headers that speak of this origin, and a body that is not what its type says. */
const odd: Handler = (_request, response) =>
  void response
    .writeHead(200, {
      'content-type': 'application/json; charset="\xff"',
      'set-cookie': ['a=1', 'b=2'],
      'x-gateway-function': 'background',
      'x-processing-mode': 'job',
      'access-control-allow-credentials': 'true',
      connection: 'x-private',
      'x-private': '1',
      location: '//evil.example/\xe9',
    })
    .end('{"choices":[{"message":{"content":"\\ud800');
