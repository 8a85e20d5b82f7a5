import * as z from 'zod';
import { decodeFields } from './redis-fields.ts';
import type { JobPage, ListQuery } from './store.ts';

/** Ids of one owner that one command looks at: a few milliseconds of a database that answers nobody else meanwhile. */
export const IDS_AT_ONCE = 500;

const reply = z.array(z.tuple([z.string()]).rest(z.tuple([z.string(), z.unknown()])));

/** Newest first, by as many commands as it takes to find the jobs asked for. `ask` runs the script `list`. */
export async function listJobs(
  ask: (...args: readonly (string | number)[]) => Promise<unknown>,
  { owners, limit, after, status }: ListQuery,
): Promise<JobPage> {
  const found: [seq: string, fields: unknown][] = [];
  const wanted = limit + 1;
  let open = owners.map((owner) => ({ owner, top: '', count: 0 }));
  for (let from = after ?? ''; open.length > 0; from = '') {
    const tops = open.flatMap(({ owner, top }) => [owner, top]);
    const pages = reply.parse(await ask(from, status ?? '', wanted, IDS_AT_ONCE, ...tops));
    open = pages.flatMap(([top, ...jobs], at) => {
      found.push(...jobs);
      const { owner = '', count = 0 } = open[at] ?? {};
      const enough = count + jobs.length >= wanted;
      return enough || top === '' ? [] : [{ owner, top, count: count + jobs.length }];
    });
  }
  const newestFirst = found.toSorted(([left], [right]) => Number(right) - Number(left));
  const jobs = newestFirst.slice(0, wanted).map(([, fields]) => decodeFields(fields).job);
  return { jobs: jobs.slice(0, limit), hasMore: jobs.length > limit };
}
