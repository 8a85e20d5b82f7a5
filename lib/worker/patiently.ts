import { sleep } from '../clock.ts';
import type { Log, LogFields } from '../log.ts';

const TRIES = 8;
const FIRST_WAIT_MS = 100;

/** Repeats what failed for a cause of its own (a store that cannot be reached) for about 25 s before it gives up. */
export async function patiently<T>(operation: () => Promise<T>, log: Log, fields: LogFields): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await operation();
    } catch (error) {
      if (failures === TRIES) throw error;
      log.warn('the store failed, trying again', { ...fields, failures, error });
      await sleep(FIRST_WAIT_MS * 2 ** failures);
    }
  }
}
