import fc from 'fast-check';

const PROVIDER_PATHS = [
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/responses',
  '/v1/messages',
  '/v1/messages/count_tokens',
  '/v1/models',
  '/v1/embeddings',
  '/v1/files/f/content',
  '/v1/audio/speech',
  '/v1/images/generations',
  '/v1beta/models/m:generateContent',
  '/v1beta/models/m:streamGenerateContent',
  '/v1/echo',
  '/gzip',
  '/sse',
  '/odd',
  '/empty',
  '/text',
  '/status/204',
  '/status/304',
  '/status/418',
  '/fail/503',
  '/fail/500',
  '/fail/reset',
  '/fail/malformed',
  '/fail/cut',
  '',
  '/',
];
const OWN = [
  '/',
  '/app.js',
  '/index.html',
  '/health',
  '/gateway/health',
  '/api/status',
  '/api/models',
  '/api/chat',
  '/api/jobs',
  '/api/worker',
  '/api/worker/failed',
  '/api/worker/sweep',
  '/api/gateway',
  '/nowhere',
];
const JOBS = ['{done}', '{failed}', '{waiting}', '{other}', 'job_000000000000000000000000', 'job_', 'x'];
const VERBS = ['', '/result', '/stream', '/cancel', '/retry', '/more', '/result/more'];

const provider = fc.constantFrom(...PROVIDER_PATHS);
const called = fc
  .tuple(fc.constantFrom('local', 'local', 'demo', 'keyless', 'dead', 'unheard-of', '__proto__', 'LOCAL'), provider)
  .map(([service, path]) => `/gateway/${service}${path}`);
const behindDefault = provider.filter((path) => path.startsWith('/v1/'));
const jobs = fc
  .tuple(fc.constantFrom(...JOBS), fc.constantFrom(...VERBS))
  .map(([id, verb]) => `/api/jobs/${id}${verb}`);
const background = fc.oneof(called, behindDefault).map((path) => `/api/gateway/background${path}`);

const doors = fc.oneof(
  { weight: 6, arbitrary: called },
  { weight: 3, arbitrary: behindDefault },
  { weight: 4, arbitrary: jobs },
  { weight: 3, arbitrary: fc.constantFrom(...OWN, '/api/jobs', '/api/jobs', '/api/chat') },
  { weight: 1, arbitrary: background },
);

const PIECES = [
  '..',
  '.',
  '%2e%2e',
  '%2E.',
  '%2F',
  '%5C',
  '//',
  '///',
  '@evil.example',
  ':80',
  '[::1]',
  '%00',
  '%0d%0aX-Evil:1',
  '%',
  '%zz',
  '%E4%B8%96',
  '%ff',
  '%EF%BC%8F',
  ';x=1',
  '*',
  '{',
  '|',
  '"',
  '\\',
  '__proto__',
  'constructor',
  'xn--',
  'x'.repeat(3_000),
];

/** What is done to a path on its way. */
const mutation = fc.oneof(
  fc.tuple(fc.nat(100), fc.constantFrom(...PIECES)).map(([at, piece]) => (path: string) => {
    const place = at % (path.length + 1);
    return `${path.slice(0, place)}${piece}${path.slice(place)}`;
  }),
  fc.tuple(fc.nat(20), fc.constantFrom(...PIECES)).map(([at, piece]) => (path: string) => {
    const segments = path.split('/');
    segments.splice(1 + (at % segments.length), 0, piece);
    return segments.join('/');
  }),
  fc.nat(100).map((at) => (path: string) => path.slice(0, 1 + (at % path.length))),
  fc.constant((path: string) => path.toUpperCase()),
  fc.constant((path: string) => `${path}/`),
  fc.constant((path: string) => `${path}${path}`),
  fc.constant((path: string) => path.replaceAll('/', '//')),
  fc.constant((path: string) => path.replace(/\w/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`)),
);

export const paths = fc
  .tuple(doors, fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, fc.array(mutation, { minLength: 1, maxLength: 3 })))
  .map(([path, mutations]) => {
    const changed = mutations.reduce((text, mutate) => mutate(text), path);
    // A client's request line begins with a path, and has nothing in it that ends it.
    return (changed.startsWith('/') ? changed : `/${changed}`).slice(0, 9_000);
  });

const parameter = fc.oneof(
  fc.constantFrom('alt=sse', 'stream=true', 'key=AIza-1', 'key=fuzz-gateway-key', 'key=', 'token={token}', 'token=x'),
  fc.constantFrom('wait=0', 'wait=1', 'wait=-1', 'wait=x', 'limit=1', 'limit=0', 'limit=1e9', 'limit=', 'limit=x'),
  fc.constantFrom('after={done}', 'after={other}', 'after=x', 'after=%00', 'status=completed', 'status=x', 'status='),
  fc.constantFrom('starting_after=0', 'starting_after=-1', 'starting_after=1.2', 'event_ids=true', 'starting_after=x'),
  fc.constantFrom('__proto__=1', 'a', '=', '&&', '%', '%zz=%ff', 'a=b=c', 'q=%00', 'q="<>\\', 'q=[]{}|^`', "q='"),
  fc.stringMatching(/^[!-"$-~]{0,20}$/),
);
export const queries = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 2, arbitrary: fc.array(parameter, { maxLength: 4 }).map((all) => `?${all.join('&')}`) },
);
