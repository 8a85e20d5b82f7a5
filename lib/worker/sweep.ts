import { GatewayError } from '../http/errors.ts';
import { sweep } from '../jobs/send.ts';
import type { WorkerContext } from './context.ts';

/** What is left then is found by the next sweep. */
const BUDGET_MS = 20_000;

/**
 * The schedule's call: repairs the jobs that nobody reads and removes what has expired. Only a queue that works by
 * schedules knows such calls; where the process sweeps by itself nobody gets in here.
 */
export async function sweepNow(context: WorkerContext, request: Request): Promise<Response> {
  const received = await context.queue.receive(request);
  if (received.kind !== 'sweep') throw new GatewayError('delivery_unauthorized');
  // Half of what a function may take: the last page is begun before the budget's end.
  const budgetMs = Math.min(BUDGET_MS, context.config.runLimit / 2);
  const { repaired, removed } = await sweep(context, { budgetMs });
  if (repaired + removed > 0) context.log.info('swept', { repaired, removed });
  return Response.json({ repaired, removed });
}
