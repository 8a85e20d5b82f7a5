import { setTimeout as wait } from 'node:timers/promises';
import type { RequestFault } from '../../fakes/faults.ts';
import { chanceOf } from '../answers.ts';
import { type CloudGround, cloudGround } from '../cloud-ground.ts';
import { type Drill, GIVEN_UP, onScene } from '../drill.ts';
import { ordersOf } from '../scene.ts';

/** Longer than Redis is ever away for: so no live worker is taken for a lost one. */
const LEASE_MS = 15_000;
/** How long each misfortune lasts, and a pause after it. */
const PHASE_MS = 2_000;
const PAUSE_MS = 500;

interface Misfortune {
  readonly name: string;
  strike(ground: CloudGround, ms: number): Promise<void>;
}

const MISFORTUNES: readonly Misfortune[] = [
  stopped('killed, and away for seconds', 'SIGKILL', 1.25),
  faulty('slow', { delayMs: 400 }, 0.5),
  faulty('answering 500', { status: 500 }, 0.5),
  faulty('its connection cut within a script’s answer', { cut: 'within' }, 0.5),
  stopped('restarted in good order', 'SIGTERM', 0),
  faulty('its connection cut after the script, before the answer', { cut: 'after' }, 0.5),
  faulty('answering 429', { status: 429 }, 0.5),
  faulty('its connection cut before the script', { cut: 'before' }, 0.5),
  faulty('answering nothing but 503', { status: 503 }, 1),
  stopped('killed and started at once', 'SIGKILL', 0),
];

function stopped(name: string, signal: 'SIGKILL' | 'SIGTERM', times: number): Misfortune {
  return {
    name,
    async strike({ server }, ms) {
      await wait(ms / 4);
      await server.restart(signal, ms * times);
    },
  };
}

function faulty(name: string, fault: RequestFault, probability: number): Misfortune {
  return {
    name,
    async strike({ redis }, ms) {
      redis.faults.sometimes(fault, probability);
      await wait(ms);
      redis.faults.clear();
    },
  };
}

/** Redis at its worst while jobs come in and run. It writes to its disk before it answers, as a durable database does. */
export const redis: Drill = {
  name: 'redis',
  what: `Redis (\`appendfsync always\`: what it acknowledged is there after its end) is ${MISFORTUNES.map(({ name }) => name).join('; ')}.`,
  leftOut: async (composition) => (composition === 'local' ? 'there is no Redis on one machine; see `disk`' : null),
  async run(_composition, { jobs, seed, brief }) {
    const ground = await cloudGround({ seed, persist: true, leaseMs: LEASE_MS });
    const plan = (marker: string) => ({ kind: 'answer' as const, delayMs: chanceOf(seed, marker).whole(20, 300) });
    return onScene({ ground, plan, limitMs: 240_000 }, async (scene) => {
      await scene.host();
      let begun = 0;
      const misfortunes = async () => {
        for (const { strike } of MISFORTUNES) {
          begun += 1;
          await strike(ground, brief ? PHASE_MS / 4 : PHASE_MS);
          await wait(brief ? PAUSE_MS / 2 : PAUSE_MS);
        }
      };
      const allowed = () => Math.ceil((jobs * begun) / MISFORTUNES.length);
      const [accepted] = await Promise.all([scene.submit(ordersOf('redis', jobs), allowed), misfortunes()]);
      // What a function never learns of, the queue tells it again, or a poll a minute later: then it gives the job up.
      const evidence = await scene.close(await scene.ends(accepted), { reasons: GIVEN_UP });
      const { refused, unanswered } = scene.client;
      return {
        evidence,
        notes: [
          `${refused} requests were answered 503 and repeated under their key, ${unanswered} got no answer`,
          `${ground.qstash.deadLetters().length} messages were given up by QStash`,
          `the clock was put forward by a minute ${scene.nudges} times`,
        ],
      };
    });
  },
};
