import * as z from 'zod';
import { GatewayError } from '../http/errors.ts';
import type { JsonObject } from '../json.ts';
import type { JobsContext } from './context.ts';
import { sentence } from './sentence.ts';
import { viewer } from './view.ts';

const query = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  after: z.string().nullable().default(null),
  status: z.enum(['queued', 'in_progress', 'completed', 'failed', 'cancelled', 'expired']).nullable().default(null),
});

/** The caller's jobs, newest first, a page at a time. @throws GatewayError naming the bad parameter */
export async function listJobs(
  context: JobsContext,
  owners: readonly string[],
  parameters: URLSearchParams,
  baseUrl: string,
): Promise<JsonObject> {
  const parsed = query.safeParse(Object.fromEntries(parameters), { error: sentence });
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const param = issue?.path.join('.') ?? '';
    throw new GatewayError('invalid_request', { message: `${param} ${issue?.message}.`, param });
  }
  await requireOwn(context, owners, parsed.data.after);
  const page = await context.store.list({ owners, ...parsed.data });
  const views = page.jobs.map(async (job) => (await viewer(context, job, baseUrl))(job));
  return {
    object: 'list',
    data: await Promise.all(views),
    first_id: page.jobs[0]?.id ?? null,
    last_id: page.jobs.at(-1)?.id ?? null,
    has_more: page.hasMore,
  };
}

/** An empty page would look like the list's end, and one after another's job would tell that there is such a job. */
async function requireOwn({ store }: JobsContext, owners: readonly string[], after: string | null): Promise<void> {
  if (after === null) return;
  const job = await store.get(after);
  if (job !== null && owners.includes(job.owner)) return;
  throw new GatewayError('invalid_request', { message: 'after is not the id of a job of yours.', param: 'after' });
}
