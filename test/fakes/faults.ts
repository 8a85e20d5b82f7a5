import { sleep } from '../../lib/clock.ts';
import type { Asked, Outcome } from './http.ts';

interface Rule<Fault, Subject> {
  readonly fault: Fault;
  readonly when: (subject: Subject) => boolean;
  /** How often it still strikes for certain; `null`: each time with its probability, for ever. */
  left: number | null;
  readonly probability: number;
}

/** Misfortunes on demand: the next ones that a test has asked for in turn, else one by chance. */
export class Faults<Fault, Subject> {
  #rules: Rule<Fault, Subject>[] = [];
  #state: number;

  /** `seed`: chance is the same in every run, so that a failure can be looked into. */
  constructor(seed = 1) {
    this.#state = seed;
  }

  /** Strikes the next `times` subjects, or the next of those that `when` picks. */
  next(fault: Fault, { times = 1, when = () => true }: { times?: number; when?: (subject: Subject) => boolean } = {}) {
    this.#rules.push({ fault, when, left: times, probability: 1 });
  }

  /** Strikes by chance (0 to 1), until `clear`. */
  sometimes(fault: Fault, probability: number, when: (subject: Subject) => boolean = () => true): void {
    this.#rules.push({ fault, when, left: null, probability });
  }

  clear(): void {
    this.#rules = [];
  }

  /** The one fault that strikes this subject; what was planned comes before what is left to chance. */
  take(subject: Subject): Fault | null {
    const planned = this.#rules.find((rule) => rule.left !== null && rule.when(subject));
    if (planned !== undefined && planned.left !== null) {
      planned.left -= 1;
      if (planned.left <= 0) this.#rules = this.#rules.filter((rule) => rule !== planned);
      return planned.fault;
    }
    const unlucky = this.#rules.find((rule) => rule.when(subject) && this.#random() < rule.probability);
    return unlucky?.fault ?? null;
  }

  /** Mulberry32, https://gist.github.com/tommyettinger/46a874533244883189143505d203312c (public domain). */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }
}

/** What may befall a request to one of the fakes; the parts add up. */
export interface RequestFault {
  /** Milliseconds before anything else. */
  readonly delayMs?: number;
  /** Answers so, and does nothing. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the connection instead of an answer: before anything is done, or after it, so that only the answer is lost. */
  readonly cut?: 'before' | 'after';
}

/** Does what was asked, unless the fault keeps it from being done or being answered. */
export async function suffer(fault: RequestFault | null, asked: Asked, act: () => Promise<Outcome>): Promise<Outcome> {
  if (fault?.delayMs !== undefined) await sleep(fault.delayMs, asked.stopped);
  if (fault?.cut === 'before') return 'cut';
  if (fault?.status !== undefined) {
    const error = fault.status === 429 ? 'rate limit exceeded' : `fault on demand: ${fault.status}`;
    return { status: fault.status, body: { error }, ...(fault.headers ? { headers: fault.headers } : {}) };
  }
  const outcome = await act();
  return fault?.cut === 'after' ? 'cut' : outcome;
}
