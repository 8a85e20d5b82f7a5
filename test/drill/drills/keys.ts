import { setTimeout as wait } from 'node:timers/promises';
import { isObject, parseJsonObject } from '../../../lib/json.ts';
import { answerOf, chanceOf, fingerprint } from '../answers.ts';
import { type Answer, type Order, PATH } from '../client.ts';
import { type Drill, everywhere, GIVEN_UP, groundOf, killable, onScene, startKilling } from '../drill.ts';
import type { DrillJob, UpstreamCall } from '../ledger.ts';
import { ordersOf, type Scene } from '../scene.ts';

const KEYS_AT_ONCE = 24;
/** Callers of one key: beside the first one, some that come while it waits, and one that comes when all is over. */
const MORE_CALLERS = { least: 1, most: 3 };
/** A third of the kills of the drill that is about them: here it is the repeats that matter. */
const KILLED_LESS = 3;
/** Part of all tries that the client itself breaks off. */
const DROPPED = 0.3;

interface Counts {
  sent: number;
  dropped: number;
  unanswered: number;
}

/** Calls with an `Idempotency-Key`, of callers who come again and again until they have their answer. */
export const keys: Drill = {
  name: 'keys',
  what: 'Calls with an `Idempotency-Key`: each by three to five callers, who come again when the connection ends without an answer or the answer says so, as SDKs do; three of ten tries are broken off by the client itself, and the gateway is killed meanwhile.',
  leftOut: everywhere,
  async run(composition, { jobs: count, kills: most, seed, brief }) {
    const kills = Math.ceil(most / KILLED_LESS);
    const plan = (marker: string) => ({ kind: 'answer' as const, delayMs: chanceOf(seed, marker).whole(20, 400) });
    const ground = await groundOf(composition, seed);
    const limitMs = 150_000 + kills * 4_000;
    return onScene({ ground, plan, env: killable(brief), limitMs }, async (scene) => {
      await scene.launch();
      const counts: Counts = { sent: 0, dropped: 0, unanswered: 0 };
      let begun = 0;
      const { allowed, ended } = startKilling(scene, count, { kills, seed, brief }, () => {
        // Once the share of this life has begun, and when a kill hits calls.
        return begun >= Math.floor((count * scene.kills.length) / (kills + 1)) && scene.upstream.open() > 2;
      });
      const work = (order: Order) => {
        begun += 1;
        return callAsMany(scene, order, seed, counts);
      };
      const [jobs] = await Promise.all([
        scene.each(ordersOf('keys', count), work, { allowed, width: KEYS_AT_ONCE }),
        ended,
      ]);
      const evidence = await scene.close(jobs, { reasons: GIVEN_UP });
      const { sent, dropped, unanswered } = counts;
      return {
        evidence,
        notes: [
          `${count} keys, ${sent} calls sent: ${dropped} broken off by the client, ${unanswered} without an answer; ${scene.kills.length} kills`,
          told(evidence.calls),
        ],
      };
    });
  },
};

function told(calls: readonly UpstreamCall[]): string {
  const byKey = Array.from(Map.groupBy(calls, ({ marker }) => marker).values(), ({ length }) => length);
  const groups = Array.from(
    Map.groupBy(byKey, (length) => length),
    ([length, keys]) => [length, keys.length] as const,
  );
  return groups
    .toSorted(([one], [other]) => one - other)
    .map(([length, keys]) => `${keys} keys called upstream ${length === 1 ? 'once' : `${length} times`}`)
    .join(', ');
}

/** All callers of one key; its job, once each of them has the answer. */
async function callAsMany(scene: Scene, order: Order, seed: number, counts: Counts): Promise<DrillJob | null> {
  const chance = chanceOf(seed, `callers of ${order.marker}`);
  const starts = Array.from({ length: chance.whole(MORE_CALLERS.least, MORE_CALLERS.most) }, () =>
    chance.whole(0, 500),
  );
  const breaks = () => (chance.next() < DROPPED ? chance.whole(5, 300) : null);
  const call = (afterMs: number) => callUntilAnswered(scene, order, afterMs, breaks, counts);
  const first = await Promise.all([0, ...starts].map(call));
  const answers = [...first, await call(0)];
  const ids = new Set(answers.map((answer) => answer?.id));
  const [id] = ids;
  if (id === undefined || id === null) return null;
  if (ids.size > 1) scene.oddities.push(`${order.marker}: ${ids.size} jobs under one key`);
  const end = await scene.client.end(id);
  const wanted = end?.status === 'completed' ? fingerprint(answerOf(order.marker)) : end?.code;
  const other = answers.filter((answer) => answer !== null && answer.bytes !== wanted).length;
  if (other > 0) scene.oddities.push(`${order.marker}: ${other} callers got other bytes than the upstream has sent`);
  return { marker: order.marker, asked: fingerprint(order.body), id, end };
}

async function callUntilAnswered(
  scene: Scene,
  { marker, body }: Order,
  afterMs: number,
  breaks: () => number | null,
  counts: Counts,
): Promise<{ id: string; bytes: string } | null> {
  await wait(afterMs);
  while (!scene.signal.aborted) {
    counts.sent++;
    const dropAfter = breaks();
    const signal = dropAfter === null ? {} : { signal: AbortSignal.timeout(dropAfter) };
    const answer = await scene.client.send('POST', PATH, { headers: { 'idempotency-key': marker }, body, ...signal });
    const id = answer?.headers['x-job-id'];
    if (answer?.status === 200 && typeof id === 'string') return { id, bytes: fingerprint(answer.bytes) };
    // The job's own end, which every caller is to be told alike: the envelope has the id and time of its request.
    if (typeof id === 'string' && answer?.headers['x-should-retry'] === 'false') return { id, bytes: codeIn(answer) };
    if (answer === null) counts[signal.signal?.aborted === true ? 'dropped' : 'unanswered']++;
    else if (answer.headers['x-should-retry'] !== 'true' && answer.status !== 503) {
      scene.oddities.push(`${marker}: a call was answered ${answer.status} ${answer.bytes.subarray(0, 200)}`);
      return null;
    }
    await wait(50);
  }
  return null;
}

function codeIn({ bytes }: Answer): string {
  const error = parseJsonObject(bytes)?.['error'];
  return isObject(error) && typeof error['code'] === 'string' ? error['code'] : 'no code';
}
