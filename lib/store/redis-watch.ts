import { sleep } from '../clock.ts';
import type { Job } from '../jobs/job.ts';

/** The job where its version is another than this, `null` where it is gone. */
type Look = (id: string, version: number) => Promise<Job | 'same' | null>;

/**
 * Milliseconds to the looks for a change, each of which is paid for: soon at first, for a job that takes a moment, then more
 * and more seldom; behind a change not before the next is worth it, as a stream that is tailed changes all the time.
 */
const LOOK_MS = { first: 150, most: 800, behindChange: 425 };
const GROWTH = 1.5;
/** Jobs whose last change is remembered. */
const REMEMBERED = 1_000;

interface Watched {
  readonly waiters: Set<Waiter>;
  readonly ended: AbortController;
}

type Told =
  | { readonly kind: 'job'; readonly job: Job | 'same' | null }
  | { readonly kind: 'fault'; readonly error: unknown };

interface Waiter {
  readonly version: number;
  tell(told: Told): void;
}

/** Waits for jobs' next versions by looking; all who wait for the same job in this process share the looks. */
export class RedisWatch {
  readonly #look: Look;
  readonly #watched = new Map<string, Watched>();
  /** When a job was last seen to have changed. */
  readonly #changedAt = new Map<string, number>();

  constructor(look: Look) {
    this.#look = look;
  }

  /** The job at another version than `version`, `null` once it is gone, `'same'` after `ms` or on abort. */
  async wait(id: string, version: number, ms: number, signal: AbortSignal | undefined): Promise<Job | 'same' | null> {
    if (signal?.aborted) return 'same';
    const watched = this.#watched.get(id) ?? this.#watch(id);
    const over = new AbortController();
    const told = await new Promise<Told>((resolve) => {
      const waiter: Waiter = { version, tell: resolve };
      watched.waiters.add(waiter);
      const leave = () => resolve({ kind: 'job', job: 'same' });
      void sleep(ms, signal === undefined ? over.signal : AbortSignal.any([signal, over.signal])).then(() => {
        watched.waiters.delete(waiter);
        leave();
      });
    });
    over.abort();
    if (told.kind === 'fault') throw told.error;
    return told.job;
  }

  close(): void {
    for (const { ended } of this.#watched.values()) ended.abort();
    this.#watched.clear();
  }

  #watch(id: string): Watched {
    const watched = { waiters: new Set<Waiter>(), ended: new AbortController() };
    this.#watched.set(id, watched);
    void this.#looking(id, watched);
    return watched;
  }

  async #looking(id: string, { waiters, ended }: Watched): Promise<void> {
    const since = Date.now() - (this.#changedAt.get(id) ?? 0);
    let wait = Math.max(LOOK_MS.first, LOOK_MS.behindChange - since);
    for (;;) {
      await sleep(wait, ended.signal);
      const [first] = waiters;
      // Not before: who waits again and again, each time for less than it takes to a look, must come to one as well.
      if (ended.signal.aborted || first === undefined) return void this.#watched.delete(id);
      wait = Math.min(LOOK_MS.most, wait * GROWTH);
      try {
        const found = await this.#look(id, first.version);
        if (found === 'same') continue;
        this.#remember(id);
        wait = LOOK_MS.behindChange;
        this.#tell(waiters, { kind: 'job', job: found }, ({ version }) => found?.version !== version);
      } catch (error) {
        this.#tell(waiters, { kind: 'fault', error });
      }
    }
  }

  #tell(waiters: Set<Waiter>, told: Told, whom: (waiter: Waiter) => boolean = () => true): void {
    for (const waiter of [...waiters].filter(whom)) {
      waiters.delete(waiter);
      waiter.tell(told);
    }
  }

  #remember(id: string): void {
    this.#changedAt.delete(id);
    this.#changedAt.set(id, Date.now());
    const [oldest] = this.#changedAt.keys();
    if (this.#changedAt.size > REMEMBERED && oldest !== undefined) this.#changedAt.delete(oldest);
  }
}
