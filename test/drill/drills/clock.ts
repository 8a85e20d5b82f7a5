import { setTimeout as wait } from 'node:timers/promises';
import { Chance } from '../../fakes/chance.ts';
import { chanceOf } from '../answers.ts';
import type { Order } from '../client.ts';
import { type Drill, everywhere, groundOf, onScene } from '../drill.ts';
import { LEASE_MS } from '../ground.ts';
import { ordersOf } from '../scene.ts';

const JUMPS = { full: 40, brief: 8 };
const PAUSE_MS = { least: 100, most: 700 };
/** Each waits for its job while the clock jumps. */
const CALLERS = 48;
const FARTHEST_MS = 300_000;

/** The gateway's clock jumps to and fro while jobs come in and run. */
export const clock: Drill = {
  name: 'clock',
  what: `The gateway’s clock jumps at random, up to ${FARTHEST_MS / 60_000} minutes before and after the true time, while jobs are submitted and run; at last it stands at the farthest that it has been. A jump over more than a lease and a minute makes a running job look lost to whoever polls it; the process that runs it knows better.`,
  leftOut: everywhere,
  async run(composition, { jobs: count, seed, brief }) {
    const chance = new Chance(seed);
    const plan = (marker: string) => ({ kind: 'answer' as const, delayMs: chanceOf(seed, marker).whole(100, 900) });
    return onScene({ ground: await groundOf(composition, seed), plan, limitMs: 240_000 }, async (scene) => {
      await scene.host();
      const jumps = brief ? JUMPS.brief : JUMPS.full;
      let jumped = 0;
      let farthest = 0;
      const jumping = async () => {
        for (; jumped < jumps; jumped++) {
          await wait(chance.whole(PAUSE_MS.least, PAUSE_MS.most));
          const ahead = chance.whole(-FARTHEST_MS, FARTHEST_MS);
          farthest = Math.max(farthest, ahead);
          await scene.trouble(
            'a jump of the clock',
            async () => {
              scene.clock.ahead = ahead;
            },
            LEASE_MS,
          );
        }
        scene.clock.ahead = farthest;
        scene.ground.hurry();
      };
      const allowed = () => Math.ceil((count * (jumped + 1)) / (jumps + 1));
      // Polled at once: whoever reads a job that looks late has it sent again.
      const work = async (order: Order) => {
        const accepted = await scene.client.submit(order);
        return accepted === null ? null : { ...accepted, end: await scene.client.end(accepted.id) };
      };
      const running = scene.each(ordersOf('clock', count), work, { allowed, width: CALLERS });
      const [jobs] = await Promise.all([running, jumping()]);
      const evidence = await scene.close(jobs);
      return { evidence, notes: [`${jumps} jumps`] };
    });
  },
};
