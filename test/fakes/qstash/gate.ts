export interface Limits {
  /** How many may be inside at once. */
  parallelism: number;
  /** How many may go in within one period. */
  rate: number;
  periodMs: number;
}

export const UNLIMITED: Limits = { parallelism: Number.POSITIVE_INFINITY, rate: Number.POSITIVE_INFINITY, periodMs: 1 };

/** First come, first in, no more than the limits allow: one flow-control key, or one queue. */
export class Gate {
  #limits = UNLIMITED;
  #inside = 0;
  #entered = 0;
  #periodEnds = 0;
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #speed: number;

  constructor(speed: number) {
    this.#speed = speed;
  }

  /** Resolves once inside, with the way out; also when `signal` is aborted, without having gone in. */
  enter(limits: Limits, signal: AbortSignal): Promise<() => void> {
    // The limits of the latest message are those of the key, as with the vendor.
    this.#limits = limits;
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(() => undefined);
      const giveUp = () => {
        this.#waiting = this.#waiting.filter((other) => other !== goIn);
        if (this.#waiting.length === 0) clearTimeout(this.#timer);
        resolve(() => undefined);
      };
      const goIn = () => {
        signal.removeEventListener('abort', giveUp);
        resolve(() => this.#leave());
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(goIn);
      this.#pump();
    });
  }

  #leave(): void {
    this.#inside -= 1;
    this.#pump();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    while (this.#waiting.length > 0 && this.#inside < this.#limits.parallelism) {
      const now = performance.now();
      if (now >= this.#periodEnds) {
        this.#entered = 0;
        this.#periodEnds = now + this.#limits.periodMs / this.#speed;
      }
      if (this.#entered >= this.#limits.rate) {
        this.#timer = setTimeout(() => this.#pump(), this.#periodEnds - now);
        return;
      }
      this.#inside += 1;
      this.#entered += 1;
      this.#waiting.shift()?.();
    }
  }
}
