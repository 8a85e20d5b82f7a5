import { chanceOf } from '../answers.ts';
import type { Order } from '../client.ts';
import { type Drill, everywhere, groundOf, onScene } from '../drill.ts';
import type { DrillJob } from '../ledger.ts';
import { ordersOf } from '../scene.ts';
import type { Behaviour } from '../upstream.ts';

/** How often it behaves so before it answers well; for ever where that is more than a job's retries. */
const OFTEN = [1, 1, 1, 2, 9];
const RETRIES = 2;
const TIMEOUT_S = { usual: 60, hanging: 2 };

interface Plan {
  readonly behaviour: Behaviour;
  readonly times: number;
}

function planOf(seed: number, marker: string): Plan {
  const chance = chanceOf(seed, marker);
  const times = OFTEN[chance.whole(0, OFTEN.length - 1)] ?? 1;
  const kinds: readonly Behaviour[] = [
    { kind: 'answer', delayMs: chance.whole(300, 1_500) },
    { kind: 'hang' },
    { kind: 'reset' },
    { kind: 'cut' },
    { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
    { kind: 'status', status: 500 },
    { kind: 'malformed JSON' },
    { kind: 'long content-length' },
    { kind: 'short content-length' },
  ];
  const behaviour = kinds[chance.whole(0, kinds.length - 1)] ?? { kind: 'hang' };
  return { behaviour, times };
}

/** What the gateway makes of it, by PROTOCOL.md: status, and how many calls that takes. */
function expected({ behaviour, times }: Plan): { status: string; calls: number } {
  switch (behaviour.kind) {
    case 'hang':
      // A deadline is not tried again, as the provider may still be at work.
      return { status: 'failed', calls: 1 };
    case 'answer':
    case 'stream':
    case 'malformed JSON':
    case 'short content-length':
      return { status: 'completed', calls: 1 };
    default:
      return times > RETRIES ? { status: 'failed', calls: RETRIES + 1 } : { status: 'completed', calls: times + 1 };
  }
}

/** A provider that behaves in every way that one should not, by chance. */
export const upstream: Drill = {
  name: 'upstream',
  what: 'The provider is slow, hangs, resets the connection, cuts its answer off, answers 429 with Retry-After or 500, sends malformed JSON, or a content-length that is too long or too short: mixed at random, now and then until the job’s retries are used up.',
  leftOut: everywhere,
  async run(composition, { jobs: count, seed }) {
    const plan = (marker: string, nth: number): Behaviour => {
      const { behaviour, times } = planOf(seed, marker);
      return nth < times || behaviour.kind === 'malformed JSON' ? behaviour : { kind: 'answer', delayMs: 20 };
    };
    return onScene({ ground: await groundOf(composition, seed), plan, limitMs: 240_000 }, async (scene) => {
      await scene.host();
      const orders = ordersOf('upstream', count).map((order): Order => {
        const hangs = planOf(seed, order.marker).behaviour.kind === 'hang';
        return { ...order, limits: { retries: RETRIES, timeoutS: hangs ? TIMEOUT_S.hanging : TIMEOUT_S.usual } };
      });
      const jobs = await scene.ends(await scene.submit(orders));
      const calls = Map.groupBy(scene.upstream.calls, ({ marker }) => marker);
      scene.oddities.push(
        ...jobs.flatMap((job) => unexpected(job, calls.get(job.marker)?.length ?? 0, planOf(seed, job.marker))),
      );
      const evidence = await scene.close(jobs);
      return { evidence, notes: ['each job ended as PROTOCOL.md says, after as many calls as it says'] };
    });
  },
};

function unexpected({ marker, end }: DrillJob, calls: number, plan: Plan): string[] {
  const wanted = expected(plan);
  if (end === null || (end.status === wanted.status && calls === wanted.calls)) return [];
  const { kind } = plan.behaviour;
  return [
    `${marker} (${kind}, ${plan.times} times): ${end.status} ${end.code} after ${calls} calls, not ${wanted.status} after ${wanted.calls}`,
  ];
}
