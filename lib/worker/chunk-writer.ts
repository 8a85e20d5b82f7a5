import { GatewayError } from '../http/errors.ts';
import { sealResult } from '../jobs/chunks.ts';
import type { Progress, RunningJob } from '../jobs/job.ts';
import type { NewChunk, Store } from '../store/store.ts';
import type { WorkerContext } from './context.ts';
import { AttemptStopped } from './lease.ts';
import { type Patience, patiently } from './patiently.ts';

/** What recording an answer takes of the worker's context. */
export type RecordContext = Pick<WorkerContext, 'secrets'> & Patience & { readonly store: Pick<Store, 'append'> };

/** Numbers, seals and stores an attempt's chunks; the last one is held back, to go with the job's end in one write. */
export class ChunkWriter {
  readonly #context: RecordContext;
  readonly #job: RunningJob;
  readonly #streamed: boolean;
  #held: { bytes: Uint8Array<ArrayBuffer>; events: number } | null = null;
  #stored = 0;
  #events = 0;
  size = 0;

  constructor(context: RecordContext, job: RunningJob, streamed: boolean) {
    this.#context = context;
    this.#job = job;
    this.#streamed = streamed;
  }

  async add(bytes: Uint8Array<ArrayBuffer>, events: number): Promise<void> {
    await this.#storeHeld();
    this.#held = { bytes, events };
    this.size += bytes.byteLength;
  }

  async addAndStore(bytes: Uint8Array<ArrayBuffer>, events: number): Promise<void> {
    await this.add(bytes, events);
    await this.#storeHeld();
  }

  async finish(): Promise<{ progress: Progress; last: NewChunk | null }> {
    if (this.#held === null) return { progress: this.#progress(this.size), last: null };
    const { bytes, events } = this.#held;
    const last = { eventsBefore: this.#events, bytes: await this.#seal(bytes) };
    this.#advance(events);
    return { progress: this.#progress(this.size), last };
  }

  async #storeHeld(): Promise<void> {
    if (this.#held === null) return;
    const { bytes, events } = this.#held;
    this.#held = null;
    const sealed = await this.#seal(bytes);
    const before = this.#events;
    this.#advance(events);
    const { store } = this.#context;
    const progress = this.#progress(this.size);
    const { id } = this.#job;
    const append = () => store.append(id, progress, before, sealed);
    const appended = await patiently(append, this.#context, { job: id }).catch((cause) => {
      // Not tried again: the answer was paid for, and another one would not be taken either.
      throw new GatewayError('result_not_stored', { cause });
    });
    if (appended.kind === 'fenced') throw new AttemptStopped('fenced');
    // Sooner than the lease's next renewal, and for nothing.
    if (appended.cancelRequested) throw new AttemptStopped('cancelled');
  }

  #seal(bytes: Uint8Array<ArrayBuffer>) {
    return sealResult(this.#context.secrets, this.#job.id, this.#job.attempts, this.#stored, bytes);
  }

  #advance(events: number): void {
    this.#stored++;
    this.#events += events;
  }

  #progress(size: number): Progress {
    const events = this.#streamed ? this.#events : null;
    return { attempt: this.#job.attempts, chunks: this.#stored, size, events };
  }
}
