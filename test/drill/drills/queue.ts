import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { Chance } from '../../fakes/chance.ts';
import type { QStash } from '../../fakes/qstash.ts';
import { chanceOf } from '../answers.ts';
import type { Accepted } from '../client.ts';
import { cloudGround } from '../cloud-ground.ts';
import { type Drill, type DrillSize, everywhere, onScene, type Run } from '../drill.ts';
import { localGround } from '../local-ground.ts';
import { ordersOf, type SceneOptions } from '../scene.ts';

/** Parts of all deliveries. */
const LOST = 0.05;
const DISTURBED = 0.8;
const LATE_MS = [0, 50, 300, 900, 1_800, 3_000];

/** The queue at its worst: several times, late, in another order, at once, and sometimes not at all. */
export const queue: Drill = {
  name: 'queue',
  what: 'Messages are delivered one to five times, up to 3 s late, in another order and at the same time; 5 % of them are lost.',
  leftOut: everywhere,
  run: (composition, size) => (composition === 'local' ? onSqlite(size) : onQStash(size)),
};

function sceneOf({ seed, jobs }: DrillSize, ground: SceneOptions['ground']): SceneOptions {
  const plan = (marker: string) => ({ kind: 'answer' as const, delayMs: chanceOf(seed, marker).whole(20, 300) });
  return { ground, plan, limitMs: 90_000 + jobs * 100 };
}

async function onQStash(size: DrillSize): Promise<Run> {
  const ground = await cloudGround({ seed: size.seed });
  misdeliver(ground.qstash);
  return onScene(sceneOf(size, ground), async (scene) => {
    await scene.host();
    const jobs = await scene.ends(await scene.submit(ordersOf('queue', size.jobs)));
    const { qstash } = ground;
    const evidence = await scene.close(jobs);
    const lost = qstash.messages.length - new Set(qstash.deliveries.map(({ messageId }) => messageId)).size;
    return {
      evidence,
      notes: [
        `${qstash.messages.length} messages, ${qstash.deliveries.length} deliveries, ${lost} messages never delivered`,
        forward(scene.nudges),
      ],
    };
  });
}

function misdeliver(qstash: QStash): void {
  const { delivery } = qstash.faults;
  // In turn for each delivery, so the later ones are of what the earlier ones have left.
  delivery.sometimes({ lost: 'request' }, LOST);
  delivery.sometimes({ lost: 'answer' }, LOST);
  const kinds = LATE_MS.flatMap((delayMs) =>
    [1, 2, 3, 4].flatMap((copies) =>
      (['together', 'after'] as const).map((duplicate) => ({ delayMs, copies, duplicate })),
    ),
  );
  for (const [at, kind] of kinds.entries()) delivery.sometimes(kind, DISTURBED / (kinds.length - at * DISTURBED));
}

/**
 * The embedded queue has no postman that could err: its file is tampered with while two gateways work on it, so that what
 * is made due again while one delivers it is taken by the other.
 */
async function onSqlite(size: DrillSize): Promise<Run> {
  const ground = await localGround();
  // So few at once that messages wait: one that is deleted in the middle of its delivery is no loss.
  return onScene({ ...sceneOf(size, ground), parallelism: 6 }, async (scene) => {
    await scene.host();
    await scene.host();
    const file = new DatabaseSync(join(ground.dataDir, 'queue.db'), { timeout: 10_000 });
    try {
      const tampering = new Tampering(file, () => scene.clock.now(), size.seed);
      const submit = async (order: Parameters<typeof scene.client.submit>[0]) => {
        const accepted = await scene.client.submit(order);
        if (accepted !== null) tampering.begin(accepted);
        return accepted;
      };
      const accepted = await scene.each(ordersOf('queue', size.jobs), submit);
      const jobs = await scene.ends(accepted);
      await tampering.ended();
      const evidence = await scene.close(jobs);
      const { again, removed } = tampering;
      return {
        evidence,
        notes: [
          `two gateways on one file; ${again} times a message was made due or put in anew, ${removed} messages were deleted`,
          forward(scene.nudges),
        ],
      };
    } finally {
      file.close();
    }
  });
}

class Tampering {
  readonly #file: DatabaseSync;
  readonly #now: () => number;
  readonly #chance: Chance;
  readonly #running: Promise<void>[] = [];
  again = 0;
  removed = 0;

  constructor(file: DatabaseSync, now: () => number, seed: number) {
    this.#file = file;
    this.#now = now;
    this.#chance = new Chance(seed);
  }

  begin({ id }: Accepted): void {
    const more = this.#chance.whole(0, 4);
    if (this.#chance.next() < LOST) {
      this.removed += this.#remove(id);
      return;
    }
    for (let count = 0; count < more; count++) this.#running.push(this.#again(id, this.#chance.whole(0, 3_000)));
  }

  async ended(): Promise<void> {
    await Promise.all(this.#running);
  }

  #remove(id: string): number {
    return Number(this.#file.prepare('DELETE FROM message WHERE job_id = ?').run(id).changes);
  }

  async #again(id: string, afterMs: number): Promise<void> {
    await wait(afterMs);
    this.#file
      .prepare(
        `INSERT INTO message (job_id, sequence, service, due_at, generation, deliveries) VALUES (?, 'again', 'local', ?, 1, 0)
         ON CONFLICT (job_id) DO UPDATE SET due_at = excluded.due_at`,
      )
      .run(id, this.#now());
    this.again++;
  }
}

function forward(nudges: number): string {
  return `the clock was put forward by a minute ${nudges} times, when nothing ran and nothing waited: by then the rest counts as lost`;
}
