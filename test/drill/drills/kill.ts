import { chanceOf } from '../answers.ts';
import { type Drill, everywhere, GIVEN_UP, groundOf, killable, onScene, startKilling } from '../drill.ts';
import { ordersOf } from '../scene.ts';

/** The gateway's process, and its worker with it, killed again and again while jobs come in and run. */
export const kill: Drill = {
  name: 'kill',
  what: 'The gateway’s process, worker included, is killed with SIGKILL at random moments while jobs are submitted and run, and started again on the same data.',
  leftOut: everywhere,
  async run(composition, { jobs, kills, seed, brief }) {
    const options = {
      ground: await groundOf(composition, seed),
      plan: (marker: string) => ({ kind: 'answer' as const, delayMs: chanceOf(seed, marker).whole(20, 300) }),
      env: killable(brief),
      limitMs: 120_000 + kills * 4_000,
    };
    return onScene(options, async (scene) => {
      await scene.launch();
      const { allowed, ended } = startKilling(scene, jobs, { kills, seed, brief }, () => {
        // So few jobs would else be missed by so few kills.
        return !brief || scene.upstream.open() > 0;
      });
      const [accepted] = await Promise.all([scene.submit(ordersOf('kill', jobs), allowed), ended]);
      const evidence = await scene.close(await scene.ends(accepted), { reasons: GIVEN_UP });
      const { unanswered } = scene.client;
      return { evidence, notes: [`${scene.kills.length} kills`, `${unanswered} requests got no answer`] };
    });
  },
};
