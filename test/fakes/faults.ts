import { sleep } from '../../lib/clock.ts';
import { Chance } from './chance.ts';
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
  readonly #chance: Chance;

  /** `seed`: chance is the same in every run, so that a failure can be looked into. */
  constructor(seed = 1) {
    this.#chance = new Chance(seed);
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
    const unlucky = this.#rules.find((rule) => rule.when(subject) && this.#chance.next() < rule.probability);
    return unlucky?.fault ?? null;
  }
}

/** What may befall a request to one of the fakes; the parts add up. */
export interface RequestFault {
  /** Milliseconds before anything else. */
  readonly delayMs?: number;
  /** Answers so, and does nothing. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Ends the connection instead of an answer: before anything is done, or after it, so that only the answer is lost, or
   * within the answer, of which half has come by then.
   */
  readonly cut?: 'before' | 'after' | 'within';
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
  if (fault?.cut === 'within' && outcome !== 'cut') return { ...outcome, torn: true };
  return fault?.cut === 'after' ? 'cut' : outcome;
}
