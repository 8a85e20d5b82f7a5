import type { Sending } from '../jobs/job.ts';

/** What is sent: never more than a name, so that no queue ever holds a secret. */
export interface Message {
  readonly jobId: string;
  readonly service: string;
  /**
   * Tells the sendings of one job apart: a queue that drops duplicates drops only those of the same sequence. One with
   * a dot (`7.2`) repeats what may have been lost: a queue that knows that it still has the job's message keeps that one.
   */
  readonly sequence: string;
  /** The job's, see `Job.generation`: what was sent before the job was queued anew must not speak for it. */
  readonly generation: number;
  /** The job's then: tells the message that it waits for from older ones. */
  readonly version: number;
  /** Not delivered before this time (unix ms). */
  readonly dueAt: number;
  /** Longest time that a delivery may take (ms). */
  readonly timeoutMs: number;
}

export type Received =
  | { readonly kind: 'delivery'; readonly jobId: string; readonly sending: Sending }
  /** The queue's word that it gives up a message; `status` is what its last delivery was answered, where that is known. */
  | { readonly kind: 'given_up'; readonly jobId: string; readonly sending: Sending; readonly status: number | null }
  /** The queue's schedule, at the sweep's door. */
  | { readonly kind: 'sweep' }
  /** Not from this queue: whoever sent it gets 401 and learns nothing. */
  | { readonly kind: 'unauthorized' }
  /** Signed, but no delivery that this version understands: never to be delivered again. */
  | { readonly kind: 'malformed' };

/**
 * Brings ids to the worker, at least once. A delivery is an HTTP request to the worker's door: 2xx ends the message,
 * 489 ends it as undeliverable, anything else brings it back after `Retry-After` (`retry-after-ms` where the queue is
 * ours) or a growing delay. A message that the queue gives up is told to the failure door.
 */
export interface Queue {
  /** Resolves once the queue has the message; a message of the same job and sequence is not kept twice. */
  send(message: Message): Promise<void>;
  /**
   * As {@link Queue.send} for each, in one round trip where the queue can. Rejects when the queue does not have all of
   * them; it may have some.
   */
  sendMany(messages: readonly Message[]): Promise<void>;
  /** Takes the job's messages of this generation back, where there are any. */
  cancel(jobId: string, generation: number): Promise<void>;
  /** Checks that a request to the worker's doors is this queue's, over its raw bytes. */
  receive(request: Request): Promise<Received>;
  /** Messages that wait or are being delivered, or `null` where the queue cannot say. */
  depth(): Promise<number | null>;
}
