/** What is sent: never more than a name, so that no queue ever holds a secret. */
export interface Message {
  readonly jobId: string;
  readonly service: string;
  /**
   * Tells the sendings of one job apart (`generation.attempt`, say): a queue that drops duplicates drops only those of
   * the same sequence.
   */
  readonly sequence: string;
  /** Not delivered before this time (unix ms). */
  readonly dueAt: number;
  /** Longest time that a delivery may take (ms). */
  readonly timeoutMs: number;
}

export type Received =
  | { readonly kind: 'delivery'; readonly jobId: string }
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
  /** Takes the job's message back, where there is still one. */
  cancel(jobId: string): Promise<void>;
  /** Checks that a request to the worker's doors is this queue's, over its raw bytes. */
  receive(request: Request): Promise<Received>;
  /** Messages that wait or are being delivered, or `null` where the queue cannot say. */
  depth(): Promise<number | null>;
}
