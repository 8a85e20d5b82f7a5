import { describe, expect, it } from 'vitest';
import { reachable, readSources, type SourceFile } from './imports.ts';

const sources = readSources();
const files = Array.from(sources.values());

/** May be known by everybody: no room of their own, no I/O. */
const COMMON = [
  'lib/json.ts',
  'lib/json-exact.ts',
  'lib/json-members.ts',
  'lib/json-string.ts',
  'lib/clock.ts',
  'lib/log.ts',
  'lib/version.ts',
];

/**
 * Who may import whom, downwards only: for each room the others that it may know, code and types alike. What is not
 * named here is forbidden.
 */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  'lib/http/': ['lib/config.ts', 'lib/secrets.ts', 'lib/upstream/services.ts', 'lib/replay/'],
  'lib/upstream/': ['lib/http/errors.ts', 'lib/http/auth.ts', 'lib/config.ts'],
  'lib/replay/': ['lib/http/errors.ts'],
  'lib/demo/': ['lib/upstream/transport.ts'],
  'lib/sqlite/': [],
  'lib/store/': ['lib/jobs/job.ts', 'lib/jobs/webhook.ts', 'lib/sqlite/'],
  'lib/queue/': ['lib/jobs/job.ts', 'lib/sqlite/'],
  'lib/jobs/': [
    'lib/http/',
    'lib/replay/',
    'lib/upstream/',
    'lib/store/store.ts',
    'lib/queue/queue.ts',
    'lib/secrets.ts',
    'lib/config.ts',
    'lib/webhook/url.ts',
  ],
  'lib/limit/': [
    'lib/config.ts',
    'lib/http/auth.ts',
    'lib/http/errors.ts',
    'lib/http/rate-headers.ts',
    'lib/sqlite/',
    'lib/store/redis.ts',
  ],
  'lib/webhook/': ['lib/jobs/job.ts', 'lib/jobs/webhook.ts', 'lib/upstream/retry.ts', 'lib/config.ts'],
  'lib/worker/': ['lib/jobs/', 'lib/http/', 'lib/upstream/', 'lib/webhook/', 'lib/store/store.ts'],
  'lib/gateway/': [
    'lib/webhook/url.ts',
    'lib/jobs/',
    'lib/http/',
    'lib/replay/',
    'lib/upstream/',
    'lib/config.ts',
    'lib/secrets.ts',
  ],
};

/** Chosen by an entry, know everybody. */
const COMPOSITIONS = ['lib/local.ts', 'lib/cloud.ts', 'lib/background.ts', 'lib/assemble.ts', 'lib/start.ts'];

/** The functions that the platform runs on Node. */
const NODE_DOORS = ['api/gateway/background.ts', 'api/jobs/index.ts', 'api/worker/index.ts'];

/** Run on Node only; everything else is web-standard and runs on the edge too. */
const NODE_ONLY = [
  ...COMPOSITIONS,
  ...NODE_DOORS,
  'lib/node-network.ts',
  'lib/page.ts',
  'lib/server.ts',
  'lib/secret-file.ts',
  'lib/setup-cloud.ts',
  'lib/sqlite/database.ts',
  'lib/store/sqlite.ts',
  'lib/store/sqlite-erase.ts',
  'lib/store/sqlite-statements.ts',
  'lib/store/sqlite-watch.ts',
  'lib/limit/sqlite.ts',
  'lib/queue/sqlite.ts',
  'lib/queue/sqlite-messages.ts',
  'lib/queue/dispatcher.ts',
  'lib/upstream/undici.ts',
  'lib/webhook/post.ts',
];
const NODE_PACKAGES = ['undici', '@hono/node-server'];

/** What the edge door loads; a job is handed on to a node function there. */
const EDGE_ROOTS = [
  'api/gateway/index.ts',
  'lib/gateway/routes.ts',
  'lib/http/app.ts',
  'lib/upstream/call.ts',
  'lib/demo/demo.ts',
];

const roomOf = (path: string) => Object.keys(ROOMS).find((room) => path.startsWith(room));
const isNodeOnly = (target: string) =>
  NODE_ONLY.includes(target) ||
  target.startsWith('node:') ||
  NODE_PACKAGES.some((name) => target === name || target.startsWith(`${name}/`));

function forbidden({ path, imports }: SourceFile): string[] {
  const room = roomOf(path);
  if (room === undefined) return [];
  const allowed = [room, ...COMMON, ...(ROOMS[room] ?? [])];
  return imports
    .filter(({ target }) => target.startsWith('lib/') && !allowed.some((prefix) => target.startsWith(prefix)))
    .map(({ target }) => `${path} → ${target}`);
}

describe('layers', () => {
  it('finds the sources', () => {
    expect(files.length).toBeGreaterThan(50);
    for (const path of [...COMMON, ...NODE_ONLY, ...EDGE_ROOTS]) expect(sources.has(path), path).toBe(true);
  });

  it('rooms import downwards only', () => {
    expect(files.flatMap(forbidden)).toEqual([]);
  });

  it('node modules are imported by the node-only files alone, and these by compositions and each other', () => {
    const strangers = files
      .filter(({ path }) => !NODE_ONLY.includes(path))
      .flatMap(({ path, imports }) =>
        imports
          .filter(({ target, typeOnly }) => !typeOnly && isNodeOnly(target))
          .map(({ target }) => `${path} → ${target}`),
      );
    expect(strangers).toEqual([]);
  });

  it.each(EDGE_ROOTS)('nothing that %s reaches touches Node, nor the jobs’ node functions', (root) => {
    const loaded = Array.from(reachable(root, sources));
    expect(loaded.filter((path) => isNodeOnly(path) || /^lib\/(jobs|worker)\//.test(path))).toEqual([]);
  });

  it('Node’s own globals stay in the node-only files', () => {
    const users = files.filter(
      ({ path, code }) => !NODE_ONLY.includes(path) && /\b(Buffer|setImmediate|__dirname)\b/.test(code),
    );
    expect(users.map(({ path }) => path)).toEqual([]);
  });

  it('the environment is read in one place, and spelled out for the edge in another', () => {
    const readers = files.filter(({ code }) => /process\.env\b/.test(code));
    expect(readers.map(({ path }) => path).toSorted()).toEqual(['lib/config.ts', 'lib/edge-environment.ts']);
  });

  it('no module imports itself by a detour', () => {
    const cycles = files.filter(({ path, imports }) =>
      imports.some(({ target, typeOnly }) => !typeOnly && sources.has(target) && reachable(target, sources).has(path)),
    );
    expect(cycles.map(({ path }) => path)).toEqual([]);
  });

  it('the product imports nothing of its tests, nor from outside the project', () => {
    const outside = files.flatMap(({ path, imports }) =>
      imports
        .filter(({ target }) => target.startsWith('..') || target.startsWith('test/'))
        .map(({ target }) => `${path} → ${target}`),
    );
    expect(outside).toEqual([]);
  });
});
