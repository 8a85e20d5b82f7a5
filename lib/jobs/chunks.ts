import { encodeBase64Url } from 'hono/utils/encode';
import { type Body, concat } from '../http/body.ts';
import { GatewayError } from '../http/errors.ts';
import type { Secrets } from '../secrets.ts';
import type { ResultChunk, Store } from '../store/store.ts';
import type { Blob, Progress, RunningJob } from './job.ts';

/** Plain bytes of a stored chunk. */
export const CHUNK_SIZE = 262_144;
/** Chunks read at a time: with 256 KiB each, 1 MiB in memory for a reader. */
const READ_AHEAD = 4;

interface Vault {
  readonly store: Store;
  readonly secrets: Secrets;
}

export interface StoredBody extends Blob {
  /** The sealed body where it is one chunk, to go with `create`; longer ones have been put. */
  readonly inline: Uint8Array | null;
  /** Hash of the bytes, chunk by chunk. */
  readonly digest: string;
}

/** Seals a body and, where it is longer than a chunk, puts it; never more than a chunk of a stream is in memory. */
export async function storeBody({ store, secrets }: Vault, jobId: string, body: Body): Promise<StoredBody> {
  const digests: string[] = [];
  let size = 0;
  let waiting: Uint8Array<ArrayBuffer> | null = null;
  for await (const chunk of chunked(body)) {
    if (waiting !== null) await put(waiting);
    size += chunk.byteLength;
    waiting = chunk;
  }
  if (waiting !== null && digests.length > 0) {
    await put(waiting);
    waiting = null;
  }
  const chunks = digests.length + (waiting === null ? 0 : 1);
  const inline = waiting === null ? null : await secrets.seal(jobId, bodyPart(0), waiting);
  if (waiting !== null) digests.push(await sha256(waiting));
  return { chunks, size, inline, digest: digests.join('.') };

  async function put(chunk: Uint8Array<ArrayBuffer>): Promise<void> {
    const index = digests.length;
    digests.push(await sha256(chunk));
    await store.putBodyChunk(jobId, index, await secrets.seal(jobId, bodyPart(index), chunk));
  }
}

/** The body as the upstream call takes it: bytes where it is one chunk (`inline`, sealed), else a stream. */
export async function loadBody({ store, secrets }: Vault, job: RunningJob, inline: Uint8Array | null) {
  if (job.request.chunks === 0) return null;
  if (inline !== null) return secrets.open(job.id, bodyPart(0), inline);
  let index = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (index === job.request.chunks) return controller.close();
        const sealed = await store.bodyChunk(job.id, index);
        if (sealed === null) throw new Error(`chunk ${index} of the body is missing`);
        controller.enqueue(await secrets.open(job.id, bodyPart(index++), sealed));
      },
    },
    { highWaterMark: 0 },
  );
}

export function sealResult(
  secrets: Secrets,
  jobId: string,
  attempt: number,
  index: number,
  bytes: Uint8Array<ArrayBuffer>,
) {
  return secrets.seal(jobId, resultPart(attempt, index), bytes);
}

/**
 * The chunks of an answer from number `from` up to what `progress` says is there, opened. Ends early, without a word, where
 * the job is deleted or run again meanwhile.
 */
export async function* readChunks(
  { store, secrets }: Vault,
  jobId: string,
  progress: Progress,
  from = 0,
): AsyncGenerator<ResultChunk> {
  for (let next = from; next < progress.chunks; ) {
    const limit = Math.min(READ_AHEAD, progress.chunks - next);
    const found = await store.resultChunks(jobId, progress.attempt, next, limit);
    if (found.length === 0) return;
    for (const chunk of found) {
      const bytes = await secrets.open(jobId, resultPart(progress.attempt, chunk.index), chunk.bytes);
      yield { ...chunk, bytes };
      next = chunk.index + 1;
    }
  }
}

/**
 * A stored answer's bytes from the first to the last.
 * @throws GatewayError `job_not_found` where it goes while it is read: part of an answer must never look like all of it
 */
export async function* readAnswer(vault: Vault, jobId: string, progress: Progress): AsyncGenerator<Uint8Array> {
  let given = 0;
  for await (const { bytes } of readChunks(vault, jobId, progress)) {
    given += bytes.byteLength;
    yield bytes;
  }
  if (given < progress.size) throw new GatewayError('job_not_found');
}

/**
 * A stored answer whole in memory, `null` where it has more than `max` bytes: parsed, it takes several times its size.
 * @throws GatewayError as {@link readAnswer}
 */
export async function readWhole(
  vault: Vault,
  jobId: string,
  progress: Progress,
  max: number,
): Promise<Uint8Array<ArrayBuffer> | null> {
  if (progress.size > max) return null;
  const parts: Uint8Array[] = [];
  for await (const bytes of readAnswer(vault, jobId, progress)) parts.push(bytes);
  return concat(parts, progress.size);
}

async function* chunked(body: Body): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (body.kind === 'none') return;
  if (body.kind === 'whole') {
    for (let at = 0; at < body.bytes.byteLength; at += CHUNK_SIZE) yield body.bytes.subarray(at, at + CHUNK_SIZE);
    return;
  }
  const buffer = new ChunkBuffer();
  for await (const bytes of body.stream) yield* buffer.push(bytes);
  const rest = buffer.take();
  if (rest.byteLength > 0) yield rest;
}

/** Turns pieces of any size into chunks of {@link CHUNK_SIZE}. */
export class ChunkBuffer {
  #bytes = new Uint8Array(CHUNK_SIZE);
  #length = 0;

  /** The chunks that `piece` has filled. */
  *push(piece: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
    for (let at = 0; at < piece.byteLength; ) {
      const part = piece.subarray(at, at + CHUNK_SIZE - this.#length);
      this.#bytes.set(part, this.#length);
      this.#length += part.byteLength;
      at += part.byteLength;
      if (this.#length === CHUNK_SIZE) yield this.take();
    }
  }

  /** What has not filled a chunk yet. */
  take(): Uint8Array<ArrayBuffer> {
    const chunk = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return chunk;
  }
}

function bodyPart(index: number): string {
  return `body ${index}`;
}

function resultPart(attempt: number, index: number): string {
  return `result ${attempt} ${index}`;
}

/** Hash of bytes that come in pieces, chunk by chunk: Web Crypto hashes no stream, and copies what it is given. */
export async function digestOf(pieces: Iterable<Uint8Array>): Promise<string> {
  const digests: string[] = [];
  const buffer = new ChunkBuffer();
  for (const piece of pieces) {
    for (const chunk of buffer.push(piece)) digests.push(await sha256(chunk));
  }
  const rest = buffer.take();
  if (rest.byteLength > 0) digests.push(await sha256(rest));
  return digests.join('.');
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return encodeBase64Url(await crypto.subtle.digest('SHA-256', bytes));
}
