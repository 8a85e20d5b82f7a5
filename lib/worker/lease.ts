import type { RunningJob } from '../jobs/job.ts';
import type { Store } from '../store/store.ts';
import type { WorkerContext } from './context.ts';

/** Why an attempt was stopped from our side. */
export class AttemptStopped extends Error {
  override readonly name = 'AttemptStopped';
  readonly why: 'cancelled' | 'fenced' | 'shutdown';

  constructor(why: AttemptStopped['why']) {
    super(`the attempt was stopped: ${why}`);
    this.why = why;
  }
}

type LeaseContext = Pick<WorkerContext, 'leaseMs' | 'shutdown' | 'log'> & { readonly store: Pick<Store, 'renew'> };

/** Keeps an attempt's lease while it runs, and stops the attempt when it is cancelled, lost, or the process goes away. */
export class LeaseKeeper {
  readonly #context: LeaseContext;
  readonly #job: RunningJob;
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(context: LeaseContext, job: RunningJob) {
    this.#context = context;
    this.#job = job;
    if (context.shutdown.aborted) this.#onShutdown();
    else context.shutdown.addEventListener('abort', this.#onShutdown);
    this.#schedule();
  }

  /** Its reason is an {@link AttemptStopped}. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#context.shutdown.removeEventListener('abort', this.#onShutdown);
  }

  readonly #onShutdown = () => this.#controller.abort(new AttemptStopped('shutdown'));

  #schedule(): void {
    // Three signs of life to a lease: two may be lost.
    this.#timer = setTimeout(() => void this.#renew(), this.#context.leaseMs / 3);
  }

  async #renew(): Promise<void> {
    const { store, leaseMs, log } = this.#context;
    try {
      const renewed = await store.renew(this.#job.id, this.#job.attempts, leaseMs);
      if (renewed.kind === 'fenced') this.#controller.abort(new AttemptStopped('fenced'));
      else if (renewed.cancelRequested) this.#controller.abort(new AttemptStopped('cancelled'));
    } catch (error) {
      // Not the attempt's end: the next one may succeed, and settling tells whether the job is still ours.
      log.warn('a lease could not be renewed', { job: this.#job.id, error });
    }
    if (!this.#stopped) this.#schedule();
  }
}
