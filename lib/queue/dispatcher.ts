import { nanoid } from 'nanoid';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { DeliverySigner } from './delivery.ts';
import type { Messages, Room, Taken } from './sqlite-messages.ts';

/** How long a message stays hidden without a sign of life from the process that delivers it. */
export const HOLD_MS = 5_000;
/** Longest sleep: messages that another process on the same file has sent are seen after this long at the latest. */
const IDLE_MS = 1_000;
const REDELIVERY_BASE_MS = 500;
const REDELIVERY_MAX_MS = 60_000;

export interface DispatcherOptions {
  readonly messages: Messages;
  readonly signer: DeliverySigner;
  readonly clock: Clock;
  readonly log: Log;
  /** The worker's door, and the URL that it believes to be called at. */
  readonly deliver: (request: Request) => Promise<Response>;
  readonly url: string;
  /** Deliveries at once, in all and for one service. */
  readonly concurrency: number;
  readonly parallelism: (service: string) => number;
}

interface Delivery {
  readonly message: Taken;
  readonly ended: Promise<void>;
}

/** Hands due messages to the worker as signed requests, as many at once as the limits allow. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #inFlight = new Map<string, Delivery>();
  /** Those in flight that the worker has not answered: what it says of the due time must not be overwritten. */
  readonly #held = new Set<Taken>();
  #timer: NodeJS.Timeout | undefined;
  #keepAlive: NodeJS.Timeout | undefined;
  #running = false;
  #pumping: Promise<void> | null = null;
  #again = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = true;
    this.#keepAlive = setInterval(() => this.#background(this.#extend()), HOLD_MS / 4);
    this.wake();
  }

  /** Looks for due messages now: to be called whenever there may be new work. */
  wake(): void {
    if (!this.#running) return;
    if (this.#pumping !== null) {
      this.#again = true;
      return;
    }
    this.#pumping = this.#pump().finally(() => {
      this.#pumping = null;
      if (!this.#again) return;
      this.#again = false;
      this.wake();
    });
    this.#background(this.#pumping);
  }

  /** Takes no more work and waits for what is in flight, `graceMs` at most. */
  async stop(graceMs: number): Promise<void> {
    this.#running = false;
    clearTimeout(this.#timer);
    // What a pump that fails has to say, it has logged.
    await this.#pumping?.catch(() => undefined);
    const ended = Promise.all(Array.from(this.#inFlight.values(), (delivery) => delivery.ended));
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([ended, new Promise((resolve) => (timer = setTimeout(resolve, graceMs)))]);
    clearTimeout(timer);
  }

  /** Lets go of the timers, also of those that keep messages hidden. */
  close(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#keepAlive);
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  async #pump(): Promise<void> {
    clearTimeout(this.#timer);
    const { messages, clock } = this.#options;
    const room = this.#room();
    if (room.free <= 0) return;
    const now = clock.now();
    const next = messages.nextDue(room);
    // Only what there is to take is worth the file's lock.
    if (next === null || next > now) return this.#sleep(next);
    this.#begin(await messages.take(now, now + HOLD_MS, room));
    const left = this.#room();
    if (left.free > 0) this.#sleep(messages.nextDue(left));
  }

  #begin(taken: readonly Taken[]): void {
    for (const message of taken) {
      this.#held.add(message);
      // Not begun before it is listed: a delivery that ends at once must find its own entry to remove.
      const ended = Promise.resolve().then(() => this.#deliver(message));
      this.#inFlight.set(message.jobId, { message, ended });
    }
  }

  /** Sets the one timer: at the next due time, or after a while to see what other processes have sent. */
  #sleep(next: number | null): void {
    if (!this.#running) return;
    const wait = next === null ? IDLE_MS : Math.min(IDLE_MS, Math.max(1, next - this.#options.clock.now()));
    this.#timer = setTimeout(() => this.wake(), wait);
  }

  async #deliver(message: Taken): Promise<void> {
    const { messages, signer, clock, log, url } = this.#options;
    try {
      const response = await this.#options.deliver(signer.sign(url, message, `msg_${nanoid()}`));
      this.#held.delete(message);
      if (response.ok || response.status === 489) await messages.finish(message);
      else await messages.postpone([message], clock.now() + redeliveryDelay(response.headers, message.delivery - 1));
    } catch (error) {
      // The message stays as it is and falls due again when its hold runs out.
      log.error('delivery failed', { job: message.jobId, error });
    }
    this.#held.delete(message);
    this.#inFlight.delete(message.jobId);
    this.wake();
  }

  async #extend(): Promise<void> {
    if (this.#held.size === 0) return;
    await this.#options.messages.postpone([...this.#held], this.#options.clock.now() + HOLD_MS);
  }

  #background(work: Promise<void>): void {
    work.catch((error) => {
      this.#options.log.error('the queue could not be read', { error });
      if (this.#running) this.#timer = setTimeout(() => this.wake(), IDLE_MS);
    });
  }

  #room(): Room {
    const { concurrency, parallelism } = this.#options;
    const counts = new Map<string, number>();
    for (const { message } of this.#inFlight.values()) {
      counts.set(message.service, (counts.get(message.service) ?? 0) + 1);
    }
    const freeFor = (service: string) => parallelism(service) - (counts.get(service) ?? 0);
    return { free: concurrency - this.#inFlight.size, freeFor, inHand: new Set(this.#inFlight.keys()) };
  }
}

/** Milliseconds until a refused delivery comes again: what the worker asked for, else growing from half a second to a minute. */
function redeliveryDelay(headers: Headers, redelivered: number): number {
  const ms = Number(headers.get('retry-after-ms') ?? Number.NaN);
  if (ms >= 0) return ms;
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  if (seconds >= 0) return seconds * 1000;
  return Math.min(REDELIVERY_MAX_MS, REDELIVERY_BASE_MS * 2 ** Math.min(redelivered, 16));
}
