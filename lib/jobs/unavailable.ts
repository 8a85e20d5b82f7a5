import { sleep } from '../clock.ts';
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

const TRIES = 4;
const FIRST_WAIT_MS = 500;

/** Asks a store that fails again, for some seconds, what must not stay half done; `'unanswered'` where that does not help. */
export async function insist<T>(
  { log }: Pick<JobsContext, 'log'>,
  job: string,
  step: () => Promise<T>,
): Promise<T | 'unanswered'> {
  for (let failures = 0; ; ) {
    try {
      return await step();
    } catch (error) {
      failures++;
      log.warn('a store that fails is asked again', { job, failures, error });
      if (failures === TRIES) return 'unanswered';
      await sleep(FIRST_WAIT_MS * 2 ** (failures - 1));
    }
  }
}
