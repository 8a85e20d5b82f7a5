import type { JobsContext } from '../jobs/context.ts';
import type { Upstream } from '../upstream/call.ts';
import type { PostWebhook } from '../webhook/post.ts';
import type { DeliveryTime } from './time.ts';

/** What a worker works with, beyond what every operation on jobs has. */
export interface WorkerContext extends JobsContext {
  readonly upstream: Upstream;
  readonly postWebhook: PostWebhook;
  /** Milliseconds for which an attempt is its worker's without a sign of life. */
  readonly leaseMs: number;
  /** Aborted when this process goes away: running attempts are given back. */
  readonly shutdown: AbortSignal;
}

/** What one delivery works with. */
export interface DeliveryContext extends WorkerContext {
  readonly time: DeliveryTime;
}
