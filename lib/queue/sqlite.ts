import { DeliverySigner } from './delivery.ts';
import { Dispatcher, type DispatcherOptions } from './dispatcher.ts';
import type { Queue } from './queue.ts';
import { Messages } from './sqlite-messages.ts';

export interface SqliteQueue extends Queue {
  /** Begins to deliver. */
  start(): void;
  /** Takes no more work; resolves when nothing is being delivered, or after `graceMs`. */
  stop(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

export interface SqliteQueueOptions extends Omit<DispatcherOptions, 'messages' | 'signer'> {
  readonly path: string;
  /** Told when the file is found deleted or replaced. */
  readonly onGone?: (path: string) => void;
  /** Base64 of the key that signs deliveries: the same for every process on the file. */
  readonly signingKey: string;
}

/** The embedded queue: a file of ids, and a dispatcher that calls the worker's door inside the process. */
export function sqliteQueue(options: SqliteQueueOptions): SqliteQueue {
  const messages = new Messages(options.path, options.onGone);
  const signer = new DeliverySigner(options.signingKey);
  const dispatcher = new Dispatcher({ ...options, messages, signer });
  return {
    async send(message) {
      await messages.put(message);
      dispatcher.wake();
    },
    async sendMany(many) {
      await messages.putAll(many);
      dispatcher.wake();
    },
    cancel: (jobId, generation) => messages.drop(jobId, generation),
    receive: (request) => signer.receive(request),
    depth: async () => messages.count(),
    start: () => dispatcher.start(),
    stop: (graceMs) => dispatcher.stop(graceMs),
    async close() {
      dispatcher.close();
      await messages.close();
    },
  };
}
