import type { Snapshot } from './redis-fields.ts';

/** Jobs that this process runs, as they were last seen: so that settling need not read them again. */
export class HeldJobs {
  readonly #snapshots = new Map<string, Snapshot>();

  /** Remembers a job that was claimed, and forgets those whose attempts ended without a word: their leases have run out. */
  claimed(id: string, snapshot: Snapshot, now: number): void {
    for (const [other, { job }] of this.#snapshots) {
      if (job.status !== 'in_progress' || job.leaseUntil <= now) this.#snapshots.delete(other);
    }
    this.#snapshots.set(id, snapshot);
  }

  get(id: string): Snapshot | undefined {
    return this.#snapshots.get(id);
  }

  /** The job as it is now; not once it has been settled: an answer that comes late must not be remembered. */
  changed(id: string, snapshot: Snapshot): void {
    if (this.#snapshots.has(id)) this.#snapshots.set(id, snapshot);
  }

  settled(id: string): void {
    this.#snapshots.delete(id);
  }

  clear(): void {
    this.#snapshots.clear();
  }

  get size(): number {
    return this.#snapshots.size;
  }
}
