import type { Clock } from '../clock.ts';
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import type { Queue } from '../queue/queue.ts';
import type { Secrets } from '../secrets.ts';
import type { Store } from '../store/store.ts';

/** What every operation on jobs works with; made once by the composition. */
export interface JobsContext {
  readonly store: Store;
  readonly queue: Queue;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly config: Config;
  readonly log: Log;
}
