import { concat } from '../http/body.ts';
import { isEventStream } from '../http/sse.ts';
import { ChunkBuffer } from '../jobs/chunks.ts';
import type { Result, RunningJob } from '../jobs/job.ts';
import { type JsonObject, parseJsonObject } from '../json.ts';
import type { NewChunk } from '../store/store.ts';
import type { UpstreamResponse } from '../upstream/transport.ts';
import { ChunkWriter, type RecordContext } from './chunk-writer.ts';
import { recordEvents } from './record-events.ts';
import { usageIn } from './usage.ts';

/** JSON answers up to this size are looked into for their usage. */
const USAGE_BYTES = 1_048_576;

export interface Recorded {
  readonly result: Result;
  readonly usage: JsonObject | null;
  /** The last chunk, to be stored together with the job's end. */
  readonly last: NewChunk | null;
}

/** Stores a provider's answer chunk by chunk as it comes; an event stream so that it can be read while it grows. */
export async function record(context: RecordContext, job: RunningJob, response: UpstreamResponse): Promise<Recorded> {
  const contentType = response.headers.get('content-type');
  const contentEncoding = response.headers.get('content-encoding');
  const streamed = isEventStream(contentType) && contentEncoding === null;
  const chunks = new ChunkWriter(context, job, streamed);
  const usage = response.body === null ? null : await (streamed ? recordEvents : recordBytes)(chunks, response.body);
  const { progress, last } = await chunks.finish();
  return { result: { ...progress, status: response.status, contentType, contentEncoding }, usage, last };
}

async function recordBytes(chunks: ChunkWriter, body: ReadableStream<Uint8Array>): Promise<JsonObject | null> {
  const buffer = new ChunkBuffer();
  let head: Uint8Array[] | null = [];
  for await (const piece of body) {
    for (const chunk of buffer.push(piece)) {
      await chunks.add(chunk, 0);
      head = chunks.size <= USAGE_BYTES ? (head?.concat(chunk) ?? null) : null;
    }
  }
  const rest = buffer.take();
  if (rest.byteLength > 0) await chunks.add(rest, 0);
  if (head === null || chunks.size > USAGE_BYTES) return null;
  const json = parseJsonObject(concat([...head, rest], chunks.size));
  return json === undefined ? null : usageIn(json);
}
