import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';

const read = (name: string) => readFileSync(join(import.meta.dirname, '../..', name), 'utf8');

const lock = z
  .object({
    lockfileVersion: z.literal(3),
    packages: z.record(
      z.string(),
      z.object({
        license: z.string().optional(),
        dev: z.boolean().optional(),
        optional: z.boolean().optional(),
        integrity: z.string().optional(),
        hasInstallScript: z.boolean().optional(),
      }),
    ),
  })
  .parse(JSON.parse(read('package-lock.json')));
const manifest = z
  .object({ allowScripts: z.record(z.string(), z.boolean()), dependencies: z.record(z.string(), z.string()) })
  .parse(JSON.parse(read('package.json')));

const installed = Object.entries(lock.packages)
  .filter(([path]) => path !== '')
  .map(([path, facts]) => ({ name: path.replace(/^.*node_modules\//, ''), ...facts }));
const production = installed.filter(({ dev }) => dev !== true);

/** Licences that ask for no more than that they be kept with the code. */
const PERMISSIVE = ['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', '0BSD', 'BlueOak-1.0.0', 'Unlicense'];

describe('dependencies', () => {
  it('of production are listed in SECURITY.md, each with its licence', () => {
    const [, section = ''] = /^## Dependencies$([\s\S]*)/m.exec(read('SECURITY.md')) ?? [];
    const listed = Array.from(section.matchAll(/^\| `([^`]+)` \| (\S+) \|$/gm), ([, name, licence]) => [name, licence]);
    expect(listed.toSorted()).toEqual(production.map(({ name, license }) => [name, license]).toSorted());
    for (const name of Object.keys(manifest.dependencies)) expect(production.map((one) => one.name)).toContain(name);
  });

  it.each(production)('of production have a permissive licence: $name', ({ license = '' }) => {
    expect(PERMISSIVE).toContain(license);
  });

  it('of production are known by a hash, and run nothing when they are installed', () => {
    for (const { name, integrity, hasInstallScript } of production) {
      expect(integrity, name).toMatch(/^sha512-/);
      expect(hasInstallScript, name).toBeUndefined();
    }
  });

  it('without a hash are binaries for other platforms', () => {
    const unknown = installed.filter(({ integrity }) => integrity === undefined);
    for (const { name, dev, optional } of unknown) expect([dev, optional], name).toEqual([true, true]);
  });

  it('with an install script are named, and only Node’s may run', () => {
    const scripted = installed.filter(({ hasInstallScript }) => hasInstallScript === true).map(({ name }) => name);
    expect(Object.keys(manifest.allowScripts).toSorted()).toEqual(scripted.toSorted());
    expect(Object.keys(manifest.allowScripts).filter((name) => manifest.allowScripts[name])).toEqual(['node']);
  });
});
