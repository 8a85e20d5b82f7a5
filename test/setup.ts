import { afterAll, expect } from 'vitest';
import { watchResources } from './harness/open-resources.ts';

const leaked = watchResources();

afterAll(async () => {
  expect(await leaked(), 'the suite left these open').toEqual([]);
});
