import { createParser } from 'eventsource-parser';

export interface SseEvent {
  readonly id: string | null;
  readonly event: string | null;
  readonly data: string;
}

/** Reads an event stream event by event; comments are counted. */
export class EventsOf {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #waiting: SseEvent[] = [];
  readonly #decoder = new TextDecoder();
  readonly #parser = createParser({
    onEvent: ({ id, event, data }) => this.#waiting.push({ id: id ?? null, event: event ?? null, data }),
    onComment: () => {
      this.comments++;
    },
  });
  comments = 0;

  constructor(response: Response) {
    if (response.body === null) throw new Error('the answer has no body');
    this.#reader = response.body.getReader();
  }

  /** The next event, or `null` at the end. */
  async next(): Promise<SseEvent | null> {
    while (this.#waiting.length === 0) {
      if (!(await this.#read())) return null;
    }
    return this.#waiting.shift() ?? null;
  }

  /** Reads on until at least `count` comments have come. */
  async heartbeats(count: number): Promise<void> {
    while (this.comments < count) {
      if (!(await this.#read())) throw new Error('the stream has ended');
    }
  }

  async take(count: number): Promise<SseEvent[]> {
    const events: SseEvent[] = [];
    while (events.length < count) {
      const event = await this.next();
      if (event === null) throw new Error(`the stream has ended after ${events.length} events`);
      events.push(event);
    }
    return events;
  }

  async rest(): Promise<SseEvent[]> {
    const events: SseEvent[] = [];
    for (let event = await this.next(); event !== null; event = await this.next()) events.push(event);
    return events;
  }

  leave(): Promise<void> {
    return this.#reader.cancel();
  }

  async #read(): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    if (done) return false;
    this.#parser.feed(this.#decoder.decode(value, { stream: true }));
    return true;
  }
}

/** All events of an answer. */
export function eventsIn(response: Response): Promise<SseEvent[]> {
  return new EventsOf(response).rest();
}

export function dataOf(events: readonly SseEvent[]): string[] {
  return events.map((event) => event.data);
}
