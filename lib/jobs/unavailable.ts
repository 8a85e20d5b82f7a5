import { GatewayError } from '../http/errors.ts';
import type { JobsContext } from './context.ts';

/** What a caller is told of a store or a queue that fails: to come again, as nothing was accepted. */
export function unavailable(cause: unknown): GatewayError {
  if (cause instanceof GatewayError) return cause;
  return new GatewayError('unavailable', { cause, headers: { 'retry-after': '5' } });
}

/** Tries what is only tidiness: its failure is logged and must not hide what came before it. */
export async function tidy(
  { log }: Pick<JobsContext, 'log'>,
  job: string,
  step: () => Promise<unknown>,
): Promise<void> {
  try {
    await step();
  } catch (error) {
    log.warn('tidying up after a job failed', { job, error });
  }
}
