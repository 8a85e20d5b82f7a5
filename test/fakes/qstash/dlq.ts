import { asText, describeMessage, listed, type Message } from './message.ts';
import type { Reply } from './retry.ts';

export interface DeadLetter {
  readonly dlqId: string;
  readonly message: Message;
  readonly reply: Reply;
}

/** Messages that were given up, until they are retried or removed. */
export class DeadLetters {
  readonly #letters = new Map<string, DeadLetter>();
  #count = 0;

  add(message: Message, reply: Reply): string {
    const dlqId = `${Date.now()}-${this.#count++}`;
    this.#letters.set(dlqId, { dlqId, message, reply });
    return dlqId;
  }

  get(dlqId: string): DeadLetter | undefined {
    return this.#letters.get(dlqId);
  }

  remove(dlqId: string): boolean {
    return this.#letters.delete(dlqId);
  }

  list(): DeadLetter[] {
    return Array.from(this.#letters.values());
  }
}

export function describeLetter({ dlqId, message, reply }: DeadLetter) {
  return {
    ...describeMessage(message),
    dlqId,
    responseStatus: reply.status,
    responseHeader: listed(reply.headers),
    ...asText('responseBody', reply.body),
  };
}
