import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** The suites of redis-server.test.ts on a machine without Redis: only Node is found in its PATH. */
function runWithoutRedis(ci: string): Promise<{ code: number; output: string }> {
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', '--project', 'suites', 'test/fakes/redis-server.test.ts'];
  const env = { ...process.env, PATH: dirname(process.execPath), CI: ci, NO_COLOR: '1' };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: ROOT, env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr });
    });
  });
}

describe('without redis-server', () => {
  it('leaves suites out by name, and says why', async () => {
    const { code, output } = await runWithoutRedis('');
    expect(code, output).toBe(0);
    expect(output).toMatch(/left out: a real redis-server: no redis-server in PATH/);
    expect(output).toMatch(/2 skipped/);
  });

  it('fails in CI', async () => {
    const { code, output } = await runWithoutRedis('true');
    expect(code, output).toBe(1);
    expect(output).toMatch(/no redis-server in PATH/);
  });
});
