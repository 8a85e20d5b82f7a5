import { defineConfig } from 'vitest/config';

const common = { environment: 'node' as const, pool: 'forks' as const, setupFiles: ['test/setup.ts'] };

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: ['default'],
    projects: [
      { test: { ...common, name: 'layers', include: ['test/build/**/*.test.ts'] } },
      {
        test: {
          ...common,
          name: 'suites',
          include: ['test/**/*.test.ts'],
          exclude: ['test/build/**', 'test/browser/**'],
        },
      },
      { test: { ...common, name: 'browser', include: ['test/browser/**/*.test.ts'], testTimeout: 60_000 } },
    ],
  },
});
