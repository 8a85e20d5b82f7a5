import { concat } from '../http/body.ts';
import { GatewayError } from '../http/errors.ts';
import { EventBoundary, EventReader } from '../http/sse.ts';
import { CHUNK_SIZE } from '../jobs/chunks.ts';
import { isObject, type JsonObject, parseJson } from '../json.ts';
import type { ChunkWriter } from './chunk-writer.ts';
import { mergeUsage, usageIn } from './usage.ts';

/** Least time between two store writes of a stream: what a tailing reader may lag behind. */
const FLUSH_MS = 250;
/** No event straddles two chunks, and a store takes no chunk of any size: with what is added to it, 4.5 MiB at most. */
const MAX_EVENT = 4_194_304;

/** Stores a stream's events as they come, in parts of whole events; resolves to the usage that the stream tells. */
export async function recordEvents(chunks: ChunkWriter, body: ReadableStream<Uint8Array>): Promise<JsonObject | null> {
  const recorder = new EventRecorder(chunks);
  try {
    for await (const piece of body) await recorder.push(piece);
    await recorder.finish();
    return recorder.usage;
  } catch (error) {
    // What has come stays readable: a reader sees it, then the error.
    await recorder.flush();
    throw error;
  } finally {
    recorder.close();
  }
}

class EventRecorder {
  readonly #chunks: ChunkWriter;
  readonly #boundary = new EventBoundary();
  readonly #reader = new EventReader();
  /** Whole events that wait for the next write. */
  #pending: Uint8Array[] = [];
  #events = 0;
  /** The beginning of an event whose end has not come. */
  #rest: Uint8Array[] = [];
  #restSize = 0;
  #flushedAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();
  #fault: { readonly reason: unknown } | null = null;
  usage: JsonObject | null = null;

  constructor(chunks: ChunkWriter) {
    this.#chunks = chunks;
  }

  /** Resolves when more may come: at once, unless a chunk's worth waits for the store. */
  async push(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.byteLength; at += CHUNK_SIZE) await this.#push(piece.subarray(at, at + CHUNK_SIZE));
  }

  async #push(piece: Uint8Array): Promise<void> {
    const end = this.#boundary.push(piece);
    if (end > 0) {
      this.#complete(joined([...this.#rest.splice(0), piece.subarray(0, end)]));
      this.#restSize = 0;
    }
    if (end < piece.byteLength) {
      this.#rest.push(piece.slice(end));
      this.#restSize += piece.byteLength - end;
    }
    if (this.#restSize > MAX_EVENT) throw new GatewayError('response_too_large');
    if (sizeOf(this.#pending) >= CHUNK_SIZE) await this.flush();
    else if (end > 0) {
      const wait = Math.max(0, this.#flushedAt + FLUSH_MS - Date.now());
      this.#timer ??= setTimeout(() => void this.flush(), wait);
    }
    if (this.#fault !== null) throw this.#fault.reason;
  }

  #complete(part: Uint8Array): void {
    for (const { data } of this.#reader.push(part)) {
      this.#events++;
      const json = data.includes('"usage') ? parseJson(data) : undefined;
      if (isObject(json)) this.usage = mergeUsage(this.usage, usageIn(json));
    }
    this.#pending.push(part);
  }

  /** Writes what waits, after what is being written. Never rejects: {@link push} and {@link finish} tell of a fault. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#flushedAt = Date.now();
    const part = joined(this.#pending.splice(0));
    const events = this.#events;
    this.#events = 0;
    if (part.byteLength > 0) {
      this.#writing = this.#writing
        .then(() => this.#store(part, events))
        .catch((reason) => {
          this.#fault ??= { reason };
        });
    }
    await this.#writing;
  }

  /** After a fault nothing more: what comes later would stand in the place of what is missing. */
  async #store(part: Uint8Array<ArrayBuffer>, events: number): Promise<void> {
    if (this.#fault === null) await this.#chunks.addAndStore(part, events);
  }

  /** Leaves the last events, and an event that has no end, to be stored with the job's end. */
  async finish(): Promise<void> {
    this.close();
    await this.#writing;
    if (this.#fault !== null) throw this.#fault.reason;
    const tail = joined([...this.#pending, ...this.#rest]);
    if (tail.byteLength > 0) await this.#chunks.add(tail, this.#events);
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return concat(parts, sizeOf(parts));
}

function sizeOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((total, part) => total + part.byteLength, 0);
}
