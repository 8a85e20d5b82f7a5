import { sleep } from '../../../lib/clock.ts';
import { type CallbackKind, callbackOf } from './callbacks.ts';
import type { Attempt, Courier } from './courier.ts';
import type { DeadLetters } from './dlq.ts';
import type { EventLog } from './events.ts';
import { Gate, UNLIMITED } from './gate.ts';
import { type Message, readMessage } from './message.ts';
import { judge, type Reply } from './retry.ts';

/** A longer timer would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface DispatcherOptions {
  readonly courier: Courier;
  readonly log: EventLog;
  readonly dlq: DeadLetters;
  /** Divides every delay. */
  readonly speed: number;
  readonly maxCallbackBytes: number;
}

interface Life {
  readonly message: Message;
  readonly cancelled: AbortController;
  readonly ended: Promise<void>;
}

/** Leads each message from its acceptance to its end. */
export class Dispatcher {
  /** Every message that was ever accepted, callbacks among them. */
  readonly messages: Message[] = [];
  readonly #options: DispatcherOptions;
  readonly #lives = new Map<string, Life>();
  readonly #gates = new Map<string, Gate>();
  readonly #stopping = new AbortController();
  #hurrying = new AbortController();

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Takes a message over; resolves when it has come to its end. */
  accept(message: Message): Promise<void> {
    this.messages.push(message);
    this.#options.log.add(message, 'CREATED');
    const cancelled = new AbortController();
    const signal = AbortSignal.any([cancelled.signal, this.#stopping.signal]);
    const ended = this.#live(message, signal).finally(() => this.#lives.delete(message.id));
    this.#lives.set(message.id, { message, cancelled, ended });
    return ended;
  }

  /** Messages that have not come to their end. */
  pending(): Message[] {
    return Array.from(this.#lives.values(), ({ message }) => message);
  }

  /** Whether there was still something to cancel; what is being delivered then is not delivered again. */
  cancel(messageId: string): boolean {
    const life = this.#lives.get(messageId);
    if (life === undefined) return false;
    if (life.cancelled.signal.aborted) return true;
    this.#options.log.add(life.message, 'CANCEL_REQUESTED');
    life.cancelled.abort();
    return true;
  }

  /** Ends the waits of all messages: each is delivered now. */
  hurry(): void {
    const waits = this.#hurrying;
    this.#hurrying = new AbortController();
    waits.abort();
  }

  /** Resolves once no message is left, callbacks included. */
  async idle(): Promise<void> {
    while (this.#lives.size > 0) await Promise.all(Array.from(this.#lives.values(), ({ ended }) => ended));
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopped'));
    await this.idle();
  }

  async #live(message: Message, signal: AbortSignal): Promise<void> {
    const { queue } = message.source;
    if (queue === undefined) return void (await this.#attempts(message, signal));
    // In a queue, the next message waits for all attempts at this one, and for their callbacks.
    const leave = await this.#gate(`queue ${queue}`).enter({ ...UNLIMITED, parallelism: 1 }, signal);
    const callbacks = await this.#attempts(message, signal);
    await Promise.all(callbacks);
    leave();
  }

  /** Delivers until somebody takes it, nobody does, or it is cancelled; the callbacks' ends are told. */
  async #attempts(message: Message, signal: AbortSignal): Promise<Promise<void>[]> {
    const { log, dlq, speed, courier } = this.#options;
    const callbacks: Promise<void>[] = [];
    const due = message.createdAt + (message.notBefore - message.createdAt) / speed;
    let waitMs = Math.max(0, due - Date.now());
    for (let retried = 0; ; retried++) {
      await sleep(Math.min(LONGEST_TIMER_MS, waitMs), AbortSignal.any([signal, this.#hurrying.signal]));
      const attempt = { message, retried };
      const fault = signal.aborted ? {} : await courier.hold(attempt, signal);
      const leave = await this.#enterFlow(message, signal);
      if (signal.aborted) {
        leave();
        break;
      }
      log.add(message, 'ACTIVE');
      const reply = await courier.deliver(attempt, fault, this.#stopping.signal);
      leave();
      if (this.#stopping.signal.aborted) break;
      callbacks.push(...this.#callBack('callback', attempt, reply));
      const verdict = judge(message, reply, retried, Date.now());
      if (verdict.kind === 'delivered') {
        log.add(message, 'DELIVERED');
        return callbacks;
      }
      log.add(message, 'ERROR', { error: `status ${reply.status}: ${reply.body}` });
      if (signal.aborted) break;
      if (verdict.kind === 'failed') {
        const dlqId = dlq.add(message, reply);
        log.add(message, 'FAILED');
        return [...callbacks, ...this.#callBack('failure-callback', attempt, reply, dlqId)];
      }
      waitMs = verdict.afterMs / speed;
      log.add(message, 'RETRY', { nextDeliveryTime: Date.now() + Math.round(waitMs) });
    }
    if (!this.#stopping.signal.aborted) log.add(message, 'CANCELLED');
    return callbacks;
  }

  #enterFlow({ flowControl }: Message, signal: AbortSignal): Promise<() => void> {
    if (flowControl === null) return Promise.resolve(() => undefined);
    return this.#gate(`key ${flowControl.key}`).enter(flowControl.limits, signal);
  }

  #gate(name: string): Gate {
    const gate = this.#gates.get(name) ?? new Gate(this.#options.speed);
    this.#gates.set(name, gate);
    return gate;
  }

  #callBack(kind: CallbackKind, attempt: Attempt, reply: Reply, dlqId?: string): Promise<void>[] {
    const maxBytes = this.#options.maxCallbackBytes;
    const source = callbackOf(kind, attempt, reply, { maxBytes, ...(dlqId === undefined ? {} : { dlqId }) });
    return source === null ? [] : [this.accept(readMessage(source))];
  }
}
