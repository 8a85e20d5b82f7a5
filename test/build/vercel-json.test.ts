import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { readConfig, VARIABLES } from '../../lib/config.ts';
import { edgeEnvironment } from '../../lib/edge-environment.ts';
import { SMALL_BODY } from '../../lib/gateway/call.ts';
import { type CallFacts, decide, LONG_PATHS } from '../../lib/gateway/decide.ts';
import { idempotencyKey, preferences, streamPreference } from '../../lib/http/prefer.ts';
import { PAGE_HEADERS } from '../../lib/page.ts';
import { FUNCTION_MS } from '../../lib/platform.ts';
import { moreThan, rewrites } from '../../lib/router.ts';
import { BUILT_IN, defineService } from '../../lib/upstream/services.ts';
import { VERSION } from '../../lib/version.ts';
import { destinationOf } from '../harness/platform-router.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (name: string): unknown => JSON.parse(readFileSync(join(ROOT, name), 'utf8'));
const settings = z
  .object({
    rewrites: z.array(z.unknown()),
    headers: z.array(
      z.object({ source: z.string(), headers: z.array(z.object({ key: z.string(), value: z.string() })) }),
    ),
    functions: z.record(
      z.string(),
      z.object({ maxDuration: z.number(), supportsCancellation: z.boolean().optional() }),
    ),
  })
  .parse(read('vercel.json'));

const NODE = '/api/gateway/background';

describe('vercel.json', () => {
  it('has the router’s rules', () => {
    expect(settings.rewrites).toEqual(rewrites());
  });

  it('gives the page’s files the headers that they have on one machine', () => {
    for (const { headers } of settings.headers) {
      expect(Object.fromEntries(headers.map(({ key, value }) => [key, value]))).toEqual(PAGE_HEADERS);
    }
    const page = globSync('*', { cwd: join(ROOT, 'public') });
    const covered = (path: string) => settings.headers.some(({ source }) => new RegExp(`^${source}$`).test(path));
    expect(['', ...page].filter((name) => !covered(`/${name}`))).toEqual([]);
    expect(['/api/jobs', '/v1/models', '/gateway/x/app.js'].filter(covered)).toEqual([]);
  });

  it('lets each Node function run as long as the gateway counts on; only the worker never stops with its caller', () => {
    const doors = globSync('api/**/*.ts', { cwd: ROOT }).filter((path) => path !== 'api/gateway/index.ts');
    expect(Object.keys(settings.functions).toSorted()).toEqual(doors.toSorted());
    for (const [path, { maxDuration, supportsCancellation }] of Object.entries(settings.functions)) {
      expect(maxDuration * 1000).toBe(FUNCTION_MS);
      expect(supportsCancellation, path).toBe(path.startsWith('api/worker') ? undefined : true);
    }
  });
});

describe('the platform’s router', () => {
  it.each([
    ['/health', '/api/gateway'],
    ['/gateway/health', '/api/gateway'],
    ['/v1/chat/completions', '/api/gateway'],
    ['/gateway/openai/v1/chat/completions', '/api/gateway'],
    ['/api/chat', '/api/gateway'],
    ['/api/nothing', '/api/gateway'],
    ['/api/status', NODE],
    ['/api/jobs/job_1/stream', '/api/jobs'],
    ['/api/worker/failed', '/api/worker'],
    ['/api/gateway/background/v1/files', NODE],
    ['/v1/audio/speech', NODE],
    ['/gateway/groq/openai/v1/audio/speech', NODE],
    ['/v1/openai/v1/audio/speech', NODE],
  ])('%s: %s', (path, destination) => {
    expect(destinationOf(rewrites(), path, new Headers())).toBe(destination);
  });

  it('knows by a number’s digits whether it is greater', () => {
    const near = fc.integer({ min: -3, max: 3 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99_999_999 }), fc.oneof(near, fc.integer()), (limit, offset) => {
        const number = Math.abs(limit + offset);
        expect(new RegExp(`^${moreThan(limit)}$`).test(String(number))).toBe(number > limit);
      }),
      { numRuns: 2_000 },
    );
  });

  const segments = fc.constantFrom(
    'v1',
    'audio',
    'images',
    'embeddings',
    'files',
    'chat',
    'completions',
    'openai',
    'x',
  );
  const paths = fc.oneof(
    fc.constantFrom(...LONG_PATHS.map((path) => `${path}x`), '/v1/chat/completions'),
    fc.array(segments, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`),
  );
  const calls = fc.record({
    door: fc.constantFrom('service' as const, 'default' as const),
    path: paths,
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
    size: fc.oneof(fc.constantFrom(0, SMALL_BODY - 1, SMALL_BODY, SMALL_BODY + 1), fc.nat(5_000_000)),
    chunked: fc.boolean(),
    streaming: fc.boolean(),
    prefer: fc.constantFrom(
      null,
      'respond-async',
      'wait=5, Respond-Async',
      'respond-async;x=1',
      'wait=5',
      'return=minimal',
    ),
    key: fc.constantFrom(null, 'k', '"quoted key"'),
    preference: fc.constantFrom(null, 'native', 'replay', 'collect', ' Collect'),
    replayable: fc.boolean(),
    longRequestMode: fc.constantFrom('background' as const, 'job' as const),
  });
  type Drawn = typeof calls extends fc.Arbitrary<infer T> ? T : never;

  /** What the router and the gateway make of the same call. */
  function both(drawn: Drawn) {
    const { door, path, method, size, chunked, streaming, prefer, key, preference, replayable, longRequestMode } =
      drawn;
    const own = door === 'default' ? `/v1${path}` : path;
    const headers = new Headers({ 'content-type': 'application/json' });
    if (!chunked) headers.set('content-length', String(size));
    if (prefer !== null) headers.set('prefer', prefer);
    if (key !== null) headers.set('idempotency-key', key);
    if (preference !== null) headers.set('x-gateway-stream', preference);
    const { respondAsync, wait } = preferences(headers);
    const facts: CallFacts = {
      ...{ door, path: own, method, size, streaming, respondAsync, wait },
      streamPreference: streamPreference(headers),
      idempotent: idempotencyKey(headers) !== null,
      supportsStreaming: true,
      replayable: replayable && method === 'POST',
    };
    const decision = decide(facts, { longRequestMode, smallBody: SMALL_BODY });
    const destination = destinationOf(rewrites(), door === 'default' ? own : `/gateway/service${own}`, headers);
    return { decision, destination };
  }

  it('brings every job, and every call that is long by its path or its body, to the background function', () => {
    fc.assert(
      fc.property(calls, (drawn) => {
        const { decision, destination } = both(drawn);
        if (decision.run !== 'edge') expect(destination).toBe(NODE);
      }),
      { numRuns: 2_000 },
    );
  });

  it('brings nothing else there but what it cannot tell apart: reads, streams, bodies in chunks, and what there is nothing to collect of', () => {
    fc.assert(
      fc.property(calls, (drawn) => {
        const { decision, destination } = both(drawn);
        if (destination === NODE && decision.run === 'edge')
          expect(
            drawn.streaming || drawn.method === 'GET' || drawn.chunked || /collect/i.test(drawn.preference ?? ''),
          ).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the edge’s environment', () => {
  it('has every variable but the store’s, the queue’s, the webhooks’ and one machine’s, and every built-in service’s key', () => {
    const here =
      /^(UPSTASH_|KV_|QSTASH_|WEBHOOK_|ALLOW_\w+_WEBHOOKS$|MAX_QUEUED_JOBS|PORT$|HOST$|DATA_DIR$|WORKER_CONCURRENCY$|SHUTDOWN_GRACE$)/;
    const keys = Object.entries(BUILT_IN).map(([name, facts]) => defineService(name, facts).apiKeyEnv);
    const names = Object.keys(edgeEnvironment());
    expect(names.toSorted()).toEqual(
      [...new Set([...VARIABLES.filter((name) => !here.test(name)), ...keys])].toSorted(),
    );
  });

  it('spells each out under its own name', () => {
    const code = readFileSync(join(ROOT, 'lib/edge-environment.ts'), 'utf8');
    for (const name of Object.keys(edgeEnvironment())) expect(code).toContain(`${name}: process.env['${name}'],`);
    expect(readConfig(edgeEnvironment()).services.size).toBe(Object.keys(BUILT_IN).length);
  });
});

it('the version is package.json’s', () => {
  expect(read('package.json')).toMatchObject({ version: VERSION });
});
