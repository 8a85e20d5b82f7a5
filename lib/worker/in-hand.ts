import type { Store } from '../store/store.ts';

/**
 * Jobs that this process runs, by store. A lease is told by a clock: where that jumps, a running job looks lost. What this
 * process has in hand it knows without one.
 */
const inHand = new WeakMap<Store, Set<string>>();

export function isInHand(store: Store, id: string): boolean {
  return inHand.get(store)?.has(id) ?? false;
}

/** @returns lets go of the job; again, it does nothing */
export function takeInHand(store: Store, id: string): () => void {
  const jobs = inHand.get(store) ?? new Set();
  inHand.set(store, jobs.add(id));
  let isHeld = true;
  return () => {
    // By the second time it may be another attempt's.
    if (isHeld) jobs.delete(id);
    isHeld = false;
  };
}
