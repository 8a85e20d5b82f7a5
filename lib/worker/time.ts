/** Part of a function's time after which nothing is begun any more. */
const USABLE = 0.975;

/** The time that the platform gives one delivery, counted from its arrival; in a process of one's own there is no end of it. */
export class DeliveryTime {
  readonly #startedAt = performance.now();
  readonly #usable: number;

  /** @param functionLimit milliseconds that the platform lets the function run, `null` where it does not end it */
  constructor(functionLimit: number | null) {
    this.#usable = functionLimit === null ? Number.POSITIVE_INFINITY : functionLimit * USABLE;
  }

  /** Milliseconds since the delivery came. */
  taken(): number {
    return performance.now() - this.#startedAt;
  }

  /** Milliseconds that are left. */
  left(): number {
    return Math.max(0, this.#usable - this.taken());
  }
}
