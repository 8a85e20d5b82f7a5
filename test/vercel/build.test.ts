import { existsSync, globSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { rewrites } from '../../lib/router.ts';
import { build, copyProject, fetchCli, isWanted } from './cli.ts';

const condition = z.object({ type: z.literal('header'), key: z.string(), value: z.string().optional() });
const route = z.looseObject({
  src: z.string().optional(),
  dest: z.string().optional(),
  handle: z.string().optional(),
  has: z.array(condition).optional(),
  missing: z.array(condition).optional(),
});
const output = z.object({ routes: z.array(route) });

describe.skipIf(!isWanted())('vercel build', () => {
  let folder: string;
  const read = (path: string): unknown => JSON.parse(readFileSync(join(folder, '.vercel/output', path), 'utf8'));
  const settings = (door: string) => read(`functions/api/${door}.func/.vc-config.json`);

  beforeAll(async () => {
    const cli = await fetchCli();
    folder = await copyProject({ '.vercel/project.json': '{"settings":{"framework":null}}' });
    await build(cli, folder);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('makes the four functions and nothing else', () => {
    const found = globSync('functions/**/.vc-config.json', { cwd: join(folder, '.vercel/output') });
    const doors = found.map((path) => path.replace(/^functions\/api\/(.*)\.func\/.*$/, '$1'));
    expect(doors.toSorted()).toEqual(['gateway/background', 'gateway/index', 'jobs/index', 'worker/index']);
  });

  it('the gateway’s on the edge', () => {
    expect(settings('gateway/index')).toMatchObject({ runtime: 'edge' });
  });

  it.each(['gateway/background', 'jobs/index', 'worker/index'])('%s on Node 24, for 300 s', (door) => {
    const cancellable = door === 'worker/index' ? {} : { supportsCancellation: true };
    const made = settings(door);
    expect(made).toMatchObject({ runtime: 'nodejs24.x', maxDuration: 300, ...cancellable });
    if (door === 'worker/index') expect(made).not.toHaveProperty('supportsCancellation');
    const code = join(folder, '.vercel/output/functions/api', `${door}.func`, `api/${door}.js`);
    expect(existsSync(code)).toBe(true);
  });

  it('puts nothing of Node’s, nor of the jobs, into the edge function', () => {
    const own = globSync('functions/api/gateway/index.func/lib/**/*.js', { cwd: join(folder, '.vercel/output') });
    expect(own.length).toBeGreaterThan(30);
    expect(own.filter((path) => /\/lib\/(jobs|worker|store|queue|sqlite)\/|undici|cloud/.test(path))).toEqual([]);
    // Packages too, whose code for Node may stand beside that for the edge.
    const all = globSync('functions/api/gateway/index.func/**/*.{js,mjs,cjs}', { cwd: join(folder, '.vercel/output') });
    expect(all.length).toBeGreaterThan(own.length);
    for (const path of all)
      expect(readFileSync(join(folder, '.vercel/output', path), 'utf8'), path).not.toMatch(/['"]node:/);
  });

  it('routes files first, then by the rules, in their order, the query untouched', () => {
    const { routes } = output.parse(read('config.json'));
    const from = routes.findIndex(({ handle }) => handle === 'filesystem') + 1;
    expect(from).toBeGreaterThan(0);
    const made = routes.slice(from, from + rewrites().length);
    expect(made.map(({ dest }) => dest)).toEqual(rewrites().map(({ destination }) => destination));
    const conditions = ({ has, missing }: { has?: unknown; missing?: unknown }) => [has ?? [], missing ?? []];
    expect(made.map(conditions)).toEqual(rewrites().map(conditions));
    for (const [at, { src }] of made.entries()) {
      const source = rewrites()[at]?.source ?? '';
      for (const path of [
        '/v1/files',
        '/gateway/a/v1/audio/x',
        '/v1/v1/audio/x',
        '/v1/a/v1/audio/x',
        '/api/jobs/a/b',
        '/api/status',
        '/v1/chat/completions',
        '/x',
      ]) {
        expect(new RegExp(src ?? '').test(path), `${path} ${source}`).toBe(new RegExp(`^${source}$`).test(path));
      }
    }
  });

  it('has the page', () => {
    expect(existsSync(join(folder, '.vercel/output/static/index.html'))).toBe(true);
  });
});
