import { createLog } from '../../lib/log.ts';
import { createSecrets } from '../../lib/secrets.ts';
import type { Appended } from '../../lib/store/store.ts';
import { type Recorded, record } from '../../lib/worker/record.ts';
import { DeliveryTime } from '../../lib/worker/time.ts';
import { running } from '../jobs/jobs.ts';

export const secrets = createSecrets('a secret of the tests, of more than 32 characters', null);
export const log = createLog({ level: 'ERROR', format: 'text', write: () => undefined });

interface StoredChunk {
  readonly eventsBefore: number;
  readonly text: string;
}

/** What was stored of an answer: chunk by chunk, opened. */
export interface Recording {
  readonly chunks: StoredChunk[];
  readonly recorded: Recorded | null;
  readonly error: unknown;
}

const encoder = new TextEncoder();

/** Records an answer of these pieces, which may end in an error, in a store of the test's. */
export async function recordPieces(
  contentType: string | null,
  pieces: Iterable<string | Uint8Array | Error>,
  append: () => Promise<Appended> = async () => ({ kind: 'appended', cancelRequested: false }),
): Promise<Recording> {
  const iterator = pieces[Symbol.iterator]();
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const { done, value } = iterator.next();
        if (done) controller.close();
        else if (value instanceof Error) controller.error(value);
        else controller.enqueue(typeof value === 'string' ? encoder.encode(value) : value);
      },
    },
    { highWaterMark: 0 },
  );
  const chunks: StoredChunk[] = [];
  const keep = async (index: number, eventsBefore: number, sealed: Uint8Array) => {
    const opened = await secrets.open(running.id, `result ${running.attempts} ${index}`, sealed);
    chunks.push({ eventsBefore, text: Buffer.from(opened).toString('latin1') });
  };
  const store = {
    async append(_id: string, progress: { chunks: number }, eventsBefore: number, sealed: Uint8Array) {
      const appended = await append();
      if (appended.kind === 'appended') await keep(progress.chunks - 1, eventsBefore, sealed);
      return appended;
    },
  };
  try {
    const headers = new Headers(contentType === null ? {} : { 'content-type': contentType });
    const recorded = await record({ store, secrets, log, time: new DeliveryTime(null) }, running, {
      status: 200,
      headers,
      body,
    });
    const { last, result } = recorded;
    if (last !== null) await keep(result.chunks - 1, last.eventsBefore, last.bytes);
    return { chunks, recorded, error: null };
  } catch (error) {
    return { chunks, recorded: null, error };
  }
}

export function textOf({ chunks }: Recording): string {
  return chunks.map((chunk) => chunk.text).join('');
}
