import { setTimeout as wait } from 'node:timers/promises';
import type { Environment } from '../../lib/config.ts';
import { Chance } from '../fakes/chance.ts';
import { watchResources } from '../harness/open-resources.ts';
import { cloudGround } from './cloud-ground.ts';
import type { Composition, Ground } from './ground.ts';
import type { Evidence } from './ledger.ts';
import { localGround } from './local-ground.ts';
import { openScene, type Scene, type SceneOptions } from './scene.ts';
import { judge, type Verdict } from './verdict.ts';

export interface DrillSize {
  readonly jobs: number;
  readonly kills: number;
  readonly seed: number;
  /** Shortened where it may be: what takes a minute by itself is not waited for. */
  readonly brief: boolean;
}

export interface Drill {
  readonly name: string;
  /** In the words of a reader who wants to know what was done. */
  readonly what: string;
  /** Why the drill is not run on this composition, or cannot be on this machine; `null` where it is run. */
  leftOut(composition: Composition): Promise<string | null>;
  run(composition: Composition, size: DrillSize): Promise<Run>;
}

export interface Run {
  readonly evidence: Evidence;
  /** What was done and seen, in figures of the run's own. */
  readonly notes: readonly string[];
}

export interface Outcome extends Verdict {
  readonly drill: string;
  readonly what: string;
  readonly composition: Composition;
  readonly notes: readonly string[];
  readonly seconds: number;
}

export const everywhere = () => Promise.resolve(null);

/** Runs `act` on the scene, which is let go of also where that fails. */
export async function onScene(options: SceneOptions, act: (scene: Scene) => Promise<Run>): Promise<Run> {
  const scene = await openScene(options);
  try {
    return await act(scene);
  } catch (error) {
    await scene.abandon();
    throw error;
  }
}

/** What a job may end with that waited, and all of whose four deliveries by QStash came upon no gateway. */
export const GIVEN_UP: readonly string[] = ['delivery_failed'];

/**
 * Settings of a gateway that is killed. QStash's plan gives a message up after four deliveries, with pauses that grow: a
 * brief drill cuts the pauses short, and so needs more deliveries.
 */
export function killable(brief: boolean): Environment {
  return brief ? { QSTASH_RETRIES: '100' } : {};
}

/**
 * Kills the gateway at random moments and starts it again. `allowed` tells how much of the work may have been begun: more
 * of it in each life of the gateway and in the pauses between, so that every kill comes upon work that has just begun.
 * @param ready whether it is worth killing: later otherwise
 */
export function startKilling(
  scene: Scene,
  total: number,
  { kills, seed, brief }: Omit<DrillSize, 'jobs'>,
  ready = () => true,
) {
  const chance = new Chance(seed);
  let killed = 0;
  let since = performance.now();
  const allowed = () => {
    const part = killed === kills ? 1 : Math.min(1, (performance.now() - since) / LIFE_MS.most);
    return Math.ceil((total * (killed + part)) / (kills + 1));
  };
  const all = async () => {
    for (; killed < kills && !scene.signal.aborted; killed++) {
      since = performance.now();
      await wait(chance.whole(LIFE_MS.least, LIFE_MS.most));
      const until = Date.now() + AIM_MS;
      while (!ready() && Date.now() < until) await wait(5);
      await scene.kill();
      await scene.launch();
    }
    if (brief) scene.hurryOn();
  };
  return { allowed, ended: all() };
}

/** Longest wait for a moment at which there is something to kill. */
const AIM_MS = 8_000;
const LIFE_MS = { least: 50, most: 700 };

export function groundOf(composition: Composition, seed: number): Promise<Ground> {
  return composition === 'local' ? localGround() : cloudGround({ seed });
}

/** Runs one drill on one composition and judges it. */
export async function runDrill(drill: Drill, composition: Composition, size: DrillSize): Promise<Outcome> {
  const startedAt = performance.now();
  const { evidence, notes } = await drill.run(composition, size);
  const verdict = judge(evidence);
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  return { ...verdict, drill: drill.name, what: drill.what, composition, notes, seconds };
}

/** As {@link runDrill}; what is then open in this process, gateways and their stand-ins have been in it, counts as left over. */
export async function runWatched(drill: Drill, composition: Composition, size: DrillSize): Promise<Outcome> {
  const leaked = watchResources();
  const outcome = await runDrill(drill, composition, size);
  const open = (await leaked()).map((what) => `left over: ${what} in the drill’s own process`);
  const leftovers = outcome.figures.leftovers + open.length;
  return { ...outcome, violations: [...outcome.violations, ...open], figures: { ...outcome.figures, leftovers } };
}
