import type { Message, Queue } from '../queue/queue.ts';

/** Repeats that are remembered, the latest: a reader who looks at a late job each second must not send it each second. */
const REMEMBERED = 10_000;

/** Which repeats this process has sent lately, by queue. Another process's are the queue's to drop. */
export class RecentRepeats {
  readonly #sent = new WeakMap<Queue, Set<string>>();

  /** Whether this one was not sent yet; from then on it was. */
  isNew(queue: Queue, message: Message): boolean {
    const sent = this.#sent.get(queue) ?? new Set();
    this.#sent.set(queue, sent);
    const name = nameOf(message);
    if (sent.has(name)) return false;
    sent.add(name);
    const [oldest] = sent;
    if (sent.size > REMEMBERED && oldest !== undefined) sent.delete(oldest);
    return true;
  }

  /** The queue did not take it. */
  forget(queue: Queue, message: Message): void {
    this.#sent.get(queue)?.delete(nameOf(message));
  }
}

function nameOf({ jobId, sequence }: Message): string {
  return `${jobId} ${sequence}`;
}
