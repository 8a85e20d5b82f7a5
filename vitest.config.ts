import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const common = { environment: 'node' as const, pool: 'forks' as const, setupFiles: ['test/setup.ts'] };

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: ['default'],
    // The suites wait for clocks and sockets more than they compute: as many as there are cores, on small machines too.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      { test: { ...common, name: 'layers', include: ['test/build/**/*.test.ts'] } },
      {
        test: {
          ...common,
          name: 'suites',
          include: ['test/**/*.test.ts'],
          exclude: ['test/build/**', 'test/browser/**', 'test/vercel/**'],
        },
      },
      { test: { ...common, name: 'browser', include: ['test/browser/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          ...common,
          name: 'vercel',
          include: ['test/vercel/**/*.test.ts'],
          // A download of some hundred megabytes, an install and a build.
          hookTimeout: 400_000,
          testTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
