import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readConfig, VARIABLES } from '../../lib/config.ts';
import { CATALOGUE } from '../../lib/http/errors.ts';
import { BUILT_IN } from '../../lib/upstream/services.ts';

const read = (name: string) => readFileSync(join(import.meta.dirname, '../..', name), 'utf8');

describe('documents agree with the code', () => {
  it('.env.example has every variable, with its default', () => {
    const example = parseEnv(read('.env.example'));
    const names = Object.keys(example).filter((name) => !name.endsWith('_API_KEY') || VARIABLES.includes(name));
    expect(names.toSorted()).toEqual(VARIABLES.toSorted());
    const { serviceKey: _example, ...fromExample } = readConfig(example);
    const { serviceKey: _defaults, ...defaults } = readConfig({});
    expect(fromExample).toEqual(defaults);
  });

  it('PROTOCOL.md lists every error with its status and type', () => {
    const documented = Array.from(
      read('PROTOCOL.md').matchAll(/^\| `(\w+)` \| (\d{3}) \| `([A-Z_]+)` \|$/gm),
      ([, ...row]) => row,
    );
    const known = Object.entries(CATALOGUE).map(([code, { status, type }]) => [code, String(status), type]);
    expect(documented.toSorted()).toEqual(known.toSorted());
  });

  it('README.md names every built-in service', () => {
    const [, list = ''] = /Built-in services: ([^.]*)\./.exec(read('README.md')) ?? [];
    const names = list
      .replaceAll(/[()=]/g, ',')
      .split(/[\s,]+/)
      .filter(Boolean);
    expect(names.toSorted()).toEqual(Object.keys(BUILT_IN).toSorted());
  });
});
