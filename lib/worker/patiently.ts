import { sleep } from '../clock.ts';
import type { Log, LogFields } from '../log.ts';
import type { DeliveryTime } from './time.ts';

/** With the waits between them about 25 s. */
const TRIES = 16;
const FIRST_WAIT_MS = 200;
/** A store that fails by turns is soon asked at a better moment. */
const LONGEST_WAIT_MS = 2_000;

export interface Patience {
  readonly log: Log;
  readonly time: DeliveryTime;
}

/**
 * Repeats what failed for a cause of its own (a store that cannot be reached) for about 25 s before it gives up; in a
 * function for half of what it has left at most, as what is done then takes its time too.
 */
export async function patiently<T>(
  operation: () => Promise<T>,
  { log, time }: Patience,
  fields: LogFields,
): Promise<T> {
  const kept = time.left() / 2;
  for (let failures = 1; ; failures++) {
    try {
      return await operation();
    } catch (error) {
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1));
      if (failures === TRIES || time.left() - wait < kept) throw error;
      log.warn('the store failed, trying again', { ...fields, failures, error });
      await sleep(wait);
    }
  }
}
