import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../lib/config.ts';
import { ownSecret } from '../../lib/secret-file.ts';

describe("the gateway's own secret", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'secret-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is made once, for the owner alone, and leaves no draft behind', () => {
    const secret = ownSecret(folder);
    expect(secret.length).toBeGreaterThanOrEqual(32);
    expect(ownSecret(folder)).toBe(secret);
    expect(readdirSync(folder)).toEqual(['secret']);
    expect(statSync(join(folder, 'secret')).mode & 0o777).toBe(0o600);
  });

  it.each(['', 'too short'])(
    'that is cut off (%j) stops the start: jobs would be sealed with next to nothing',
    (content) => {
      writeFileSync(join(folder, 'secret'), content);
      expect(() => ownSecret(folder)).toThrow(ConfigError);
    },
  );
});
