import { GatewayError } from '../http/errors.ts';
import type { Outcome, RunningJob } from '../jobs/job.ts';
import type { Store } from '../store/store.ts';

/**
 * Jobs whose provider has answered, and whose end the store would not take: by store, as that is what has failed. This
 * process does not call their provider a second time. Another one cannot know.
 */
const lost = new WeakMap<Store, Set<string>>();

export function rememberLost(store: Store, job: RunningJob): void {
  lost.set(store, (lost.get(store) ?? new Set()).add(nameOf(job)));
}

export function forgetLost(store: Store, job: RunningJob): void {
  lost.get(store)?.delete(nameOf(job));
}

export function isLost(store: Store, job: RunningJob): boolean {
  return lost.get(store)?.has(nameOf(job)) ?? false;
}

/** The end of a job that has been paid for and has nothing to show. */
export function resultNotStored(): Outcome {
  const { code, message, type } = new GatewayError('result_not_stored');
  return { kind: 'failed', result: null, error: { message, type, code, upstreamStatus: null } };
}

/** Its caller may well have it run, and pay, again. */
function nameOf({ id, generation }: RunningJob): string {
  return `${id} ${generation}`;
}
