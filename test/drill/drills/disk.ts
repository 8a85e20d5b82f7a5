import { setTimeout as wait } from 'node:timers/promises';
import { chanceOf } from '../answers.ts';
import type { Order } from '../client.ts';
import { type Drill, onScene } from '../drill.ts';
import { localGround } from '../local-ground.ts';
import { ordersOf, type Scene } from '../scene.ts';
import { type SmallDisk, startSmallDisk, whyNoSmallDisk } from '../small-disk.ts';

/** Rounds of each kind, and how long a disk refuses once that was noticed. */
const ROUNDS = { full: 4, brief: 1 };
const REFUSING_MS = { full: 1_500, brief: 300 };
/** SQLite may write into what its log has already, and so goes on for a while. */
const NOTICED_MS = 15_000;
/** As long as a worker tries to store an answer that is paid for, and some more: see `patiently`. */
const PATIENCE_MS = 30_000;
const LONG_BYTES = 24_000;

/** The embedded store's disk is full, or read-only, while jobs come in and run. */
export const disk: Drill = {
  name: 'disk',
  what: 'The disk of `DATA_DIR` is filled to the last block, and its files are made immutable (every write to them fails, as on a file system gone read-only), while jobs are submitted and run; once the process is killed on the full disk.',
  leftOut: async (composition) =>
    composition === 'cloud' ? 'there is no embedded store; see `redis`' : whyNoSmallDisk(),
  async run(_composition, { jobs, seed, brief }) {
    const small = await startSmallDisk();
    const plan = (marker: string) => ({ kind: 'answer' as const, delayMs: chanceOf(seed, marker).whole(20, 300) });
    try {
      return await onScene({ ground: await localGround(small.folder), plan, limitMs: 240_000 }, async (scene) => {
        await scene.launch();
        const rounds = brief ? ROUNDS.brief : ROUNDS.full;
        const total = rounds * 2 + 1;
        let round = 0;
        let refuses = false;
        const troubles = async () => {
          const ms = brief ? REFUSING_MS.brief : REFUSING_MS.full;
          for (; round < total; round++) {
            await wait(ms / 2);
            if (round === total - 1) await killedWhileFull(scene, small);
            else {
              refuses = true;
              await refusing(scene, small, round % 2 === 0 ? 'full' : 'read-only', ms);
              refuses = false;
            }
          }
        };
        // More than its share where it must be noticed that nothing can be written; something is left for each round.
        const share = (of: number) => Math.ceil((jobs * of) / (total + 1));
        const allowed = () => share(round + (refuses ? 1.8 : 1));
        const running = scene.submit(ordersOf('disk', jobs).map(long), allowed);
        const [accepted] = await Promise.all([running, troubles()]);
        const ended = await scene.ends(accepted);
        const evidence = await scene.close(ended, { storingMs: PATIENCE_MS });
        const { refused, unanswered } = scene.client;
        return {
          evidence,
          notes: [
            `${rounds} times full, ${rounds} times read-only, once killed while full`,
            `${refused} requests were answered 503 and repeated under their key, ${unanswered} got no answer`,
          ],
        };
      });
    } finally {
      small.fill(false);
      await small.freeze(false);
      await small.stop();
    }
  },
};

/** Takes the room, or the right to write, until somebody was refused, and a little longer. */
async function refusing(scene: Scene, small: SmallDisk, how: 'full' | 'read-only', ms: number): Promise<void> {
  const before = scene.client.refused;
  if (how === 'full') small.fill(true);
  else await small.freeze(true);
  const until = Date.now() + NOTICED_MS;
  while (scene.client.refused === before && Date.now() < until && !scene.signal.aborted) await wait(10);
  if (scene.client.refused === before) scene.oddities.push(`a disk that was ${how} kept nobody from submitting`);
  await wait(ms);
  if (how === 'full') small.fill(false);
  else await small.freeze(false);
}

/** A body that takes room. */
function long(order: Order): Order {
  const text = order.body.toString();
  return { ...order, body: Buffer.from(`${text.slice(0, -1)},"padding":"${'x'.repeat(LONG_BYTES)}"}`) };
}

async function killedWhileFull(scene: Scene, small: SmallDisk): Promise<void> {
  small.fill(true);
  await wait(300);
  await scene.kill();
  small.fill(false);
  await scene.launch();
}
