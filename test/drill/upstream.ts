import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { isObject, parseJson } from '../../lib/json.ts';
import { answerOf, eventsOf, fingerprint } from './answers.ts';
import type { Fate, UpstreamCall } from './ledger.ts';

/** What the upstream does with one call. */
export type Behaviour =
  | { readonly kind: 'answer'; readonly delayMs: number }
  | { readonly kind: 'stream'; readonly gapMs: number }
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | {
      readonly kind:
        | 'hang'
        | 'reset'
        | 'cut'
        | 'malformed JSON'
        /** More is declared than comes. */
        | 'long content-length'
        /** More comes than is declared. */
        | 'short content-length';
    };

export interface DrillUpstream {
  readonly url: string;
  readonly calls: readonly UpstreamCall[];
  /** Calls that have not come to their end. */
  open(): number;
  stop(): Promise<void>;
}

interface Entry extends UpstreamCall {
  ended: number | null;
  fate: Fate;
  status: number | null;
  answer: string | null;
}

/** A provider that counts and fingerprints every call, and behaves as `plan` says for call number `nth` (from 0) of a marker. */
export async function startDrillUpstream(plan: (marker: string, nth: number) => Behaviour): Promise<DrillUpstream> {
  const calls: Entry[] = [];
  const counts = new Map<string, number>();
  const server = createServer(async (message, response) => {
    const body = await bodyIn(message);
    if (body === null) return;
    const marker = markerIn(body);
    const nth = counts.get(marker) ?? 0;
    counts.set(marker, nth + 1);
    const behaviour = plan(marker, nth);
    const entry: Entry = {
      marker,
      begun: performance.now(),
      ended: null,
      fate: 'running',
      behaviour: behaviour.kind,
      status: null,
      asked: fingerprint(body),
      answer: null,
    };
    calls.push(entry);
    response.once('close', () => {
      entry.ended ??= performance.now();
      if (entry.fate === 'running') entry.fate = 'left';
    });
    const ended = (fate: Fate, status: number | null, answer: Uint8Array | null) => {
      // Whoever has left first has not got it.
      if (entry.fate !== 'running') return;
      Object.assign(entry, { fate, status, answer: answer === null ? null : fingerprint(answer) });
      entry.ended = performance.now();
    };
    await behave(behaviour, marker, response, ended);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the upstream has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    calls,
    open: () => calls.filter(({ ended }) => ended === null).length,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

type Ended = (fate: Fate, status: number | null, answer: Uint8Array | null) => void;

async function behave(behaviour: Behaviour, marker: string, response: ServerResponse, ended: Ended): Promise<void> {
  const { socket } = response;
  const answer = answerOf(marker);
  const whole = async (status: number, bytes: Uint8Array, headers: Readonly<Record<string, string>> = {}) => {
    if (response.destroyed) return;
    // Noted before it is sent: a result that is stored at once must find its answer on record.
    ended('answered', status, bytes);
    const length = { 'content-length': String(bytes.byteLength) };
    response.writeHead(status, { 'content-type': 'application/json', ...length, ...headers }).end(bytes);
  };
  const raw = (declared: number, bytes: Uint8Array) => {
    const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${declared}\r\n\r\n`;
    socket?.end(Buffer.concat([Buffer.from(head), bytes]));
  };
  switch (behaviour.kind) {
    case 'answer':
      await wait(behaviour.delayMs);
      return whole(200, answer);
    case 'stream':
      return stream(eventsOf(marker), behaviour.gapMs, response, ended);
    case 'status':
      return whole(
        behaviour.status,
        Buffer.from(JSON.stringify({ error: { message: `${behaviour.status} for ${marker}`, type: 'drill' } })),
        behaviour.headers,
      );
    case 'malformed JSON':
      return whole(200, answer.subarray(0, answer.length >> 1));
    case 'hang':
      return;
    case 'reset':
      ended('broken', null, null);
      return void socket?.resetAndDestroy();
    case 'cut':
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(answer.length) });
      response.write(answer.subarray(0, answer.length >> 1));
      await wait(20);
      ended('broken', null, null);
      return void socket?.destroy();
    case 'long content-length':
      ended('broken', null, null);
      return raw(answer.length + 10, answer);
    case 'short content-length':
      // What HTTP makes of it, as there is no more to the body than was declared.
      ended('answered', 200, answer.subarray(0, answer.length - 10));
      return raw(answer.length - 10, answer);
  }
}

async function stream(events: readonly Buffer[], gapMs: number, response: ServerResponse, ended: Ended): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const [at, event] of events.entries()) {
    if (response.destroyed) return;
    if (at === events.length - 1) ended('answered', 200, Buffer.concat(events));
    response.write(event);
    await wait(gapMs);
  }
  response.end();
}

/** `null` where its sender was killed in the middle of it: no call that anything could be paid for. */
async function bodyIn(message: IncomingMessage): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  try {
    for await (const part of message) parts.push(part);
  } catch {
    return null;
  }
  return Buffer.concat(parts);
}

function markerIn(body: Buffer): string {
  const json = parseJson(body.toString());
  const marker = isObject(json) ? json['user'] : undefined;
  return typeof marker === 'string' ? marker : 'no marker';
}
