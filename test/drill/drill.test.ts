import { describe, expect, it } from 'vitest';
import { redisAvailable } from '../fakes/redis-server.ts';
import { runDrill } from './drill.ts';
import { drills } from './drills.ts';
import type { Composition } from './ground.ts';

const SIZE = { jobs: 40, kills: 3, seed: 7, brief: true };
const COMPOSITIONS: readonly Composition[] =
  redisAvailable() || process.env['CI'] === 'true' ? ['local', 'cloud'] : ['local'];
if (COMPOSITIONS.length === 1) console.warn('left out: the drills on Redis + QStash: no redis-server in PATH');

/** The drills of `npm run drill` with few jobs, so that neither they nor what they show is lost between its runs. */
describe('drills, in brief', () => {
  for (const composition of COMPOSITIONS) {
    it.concurrent.for(drills)(`$name on ${composition}`, { timeout: 150_000 }, async (drill, { skip }) => {
      const why = await drill.leftOut(composition);
      if (why !== null) skip(why);
      const { violations, figures } = await runDrill(drill, composition, SIZE);
      expect(violations).toEqual([]);
      expect(figures).toMatchObject({ jobs: SIZE.jobs, leftovers: 0 });
    });
  }
});
