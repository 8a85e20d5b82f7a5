import { Agent } from 'undici';
import * as z from 'zod';
import { isObject, parseJson } from '../../../lib/json.ts';
import { answerOf, chanceOf, eventsOf } from '../answers.ts';
import { CREDENTIAL, type Order } from '../client.ts';
import { type Drill, everywhere, groundOf, onScene } from '../drill.ts';
import type { DrillJob } from '../ledger.ts';
import { type ReadOptions, readOneByOne, readStream, type StreamEvent } from '../reader.ts';
import { ordersOf } from '../scene.ts';

const READERS = 24;
const KINDS = ['leaves', 'stalls', 'comes again after every event'] as const;
type Kind = (typeof KINDS)[number];
/** The first two of three are streams of the provider's own; the third is replayed from one whole answer. */
const isStreamed = (at: number) => at % 3 !== 2;

/** Readers of jobs' streams who behave badly; what any of them gets is the stream, and the job does not mind. */
export const readers: Drill = {
  name: 'readers',
  what: `Each job’s stream is read live by one who ${KINDS.join(', or ')}; and once more when the job has ended. Two of three are streams of the provider’s own, the third is replayed from a whole answer.`,
  leftOut: everywhere,
  async run(composition, { jobs: count, seed }) {
    const streamed = new Set(ordersOf('readers', count).flatMap(({ marker }, at) => (isStreamed(at) ? [marker] : [])));
    const plan = (marker: string) => {
      const ms = chanceOf(seed, marker).whole(5, 60);
      return streamed.has(marker)
        ? { kind: 'stream' as const, gapMs: ms }
        : { kind: 'answer' as const, delayMs: ms * 5 };
    };
    const env = { CHUNK_DELAY_MS: '2' };
    return onScene({ ground: await groundOf(composition, seed), plan, env, limitMs: 240_000 }, async (scene) => {
      await scene.host();
      const agent = new Agent();
      const counts: Record<Kind, number> = { leaves: 0, stalls: 0, 'comes again after every event': 0 };
      let events = 0;
      const work = async (order: Order): Promise<DrillJob | null> => {
        const job = await scene.client.submit(order);
        if (job === null) return null;
        const chance = chanceOf(seed, `reader of ${order.marker}`);
        const kind = KINDS[chance.whole(0, KINDS.length - 1)] ?? 'leaves';
        counts[kind]++;
        const options: ReadOptions = {
          url: `${scene.nextUrl()}/api/jobs/${job.id}/stream?event_ids=true`,
          authorization: CREDENTIAL,
          dispatcher: agent,
          signal: scene.signal,
        };
        const live = await readAs(kind, options, chance.whole(1, 4), chance.whole(100, 900));
        const end = await scene.client.end(job.id);
        const whole = (await readStream(options)).events;
        events += live.length + whole.length;
        scene.oddities.push(...differences(order.marker, kind, live, whole, streamed.has(order.marker)));
        return { ...job, end };
      };
      const orders = ordersOf('readers', count, isStreamed);
      const jobs = await scene.each(orders, work, { width: READERS }).finally(() => agent.destroy());
      const evidence = await scene.close(jobs);
      const told = KINDS.map((kind) => `${counts[kind]} ${kind}`).join(', ');
      return { evidence, notes: [`readers: ${told}`, `${events} events read, each the one that it had to be`] };
    });
  },
};

function readAs(
  kind: Kind,
  options: ReadOptions,
  leaveAfter: number,
  stallMs: number,
): Promise<readonly StreamEvent[]> {
  if (kind === 'comes again after every event') return readOneByOne(options);
  return readStream({ ...options, ...(kind === 'leaves' ? { leaveAfter } : { stallMs }) }).then(({ events }) => events);
}

/** What is wrong with what was read: nothing may be, whoever has read it. */
export function differences(
  marker: string,
  kind: Kind,
  live: readonly StreamEvent[],
  whole: readonly StreamEvent[],
  streamed: boolean,
): string[] {
  const got = live.map(({ data }) => data);
  const all = whole.map(({ data }) => data);
  const beginning = all.slice(0, kind === 'leaves' ? got.length : undefined);
  const wrong: string[] = [];
  if (got.length === 0 || got.join('\n') !== beginning.join('\n')) {
    wrong.push(`${marker}: a reader who ${kind} got ${got.length} events that are not the stream’s ${all.length}`);
  }
  if (!isWhole(marker, all, streamed)) wrong.push(`${marker}: the stream is not what the upstream has said`);
  return wrong;
}

function isWhole(marker: string, all: readonly string[], streamed: boolean): boolean {
  if (streamed) return all.map((data) => `data: ${data}\n\n`).join('') === Buffer.concat(eventsOf(marker)).toString();
  return all.at(-1) === '[DONE]' && all.map(textIn).join('') === wordsIn(answerOf(marker));
}

const chunk = z.looseObject({
  choices: z.array(z.looseObject({ delta: z.looseObject({ content: z.string().nullish() }) })),
});
const completion = z.looseObject({
  choices: z.array(z.looseObject({ message: z.looseObject({ content: z.string() }) })),
});

function textIn(data: string): string {
  const json = parseJson(data);
  return isObject(json)
    ? chunk
        .parse(json)
        .choices.map(({ delta }) => delta.content ?? '')
        .join('')
    : '';
}

function wordsIn(answer: Buffer): string {
  return completion
    .parse(parseJson(answer.toString()))
    .choices.map(({ message }) => message.content)
    .join('');
}
