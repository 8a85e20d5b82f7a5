import { Client, QstashError, Receiver } from '@upstash/qstash';
import * as z from 'zod';
import { type Clock, sleep } from '../clock.ts';
import { parseJson } from '../json.ts';
import { readPayload, writePayload } from './payload.ts';
import type { Message, Queue, Received } from './queue.ts';

/** What QStash may do at once, or in a period, for one service: its flow control. */
export interface FlowControl {
  readonly parallelism: number | null;
  /** Deliveries in a period. */
  readonly rate: number | null;
  /** Seconds. */
  readonly period: number;
}

export interface QstashQueueOptions {
  /** `QSTASH_URL`; QStash's own where it is left out. */
  readonly url: string | null;
  readonly token: string;
  readonly currentSigningKey: string;
  readonly nextSigningKey: string;
  /** Where QStash finds this gateway, and what it signs as its destination: never taken from a request. */
  readonly publicBaseUrl: string;
  readonly clock: Clock;
  readonly flowControl: (service: string) => FlowControl | null;
  /**
   * Deliveries that may follow the first one before QStash gives a message up and calls the failure door: for workers
   * that die, and leases that are held. A job's own tries have messages of their own. The account's plan limits it.
   */
  readonly retries: number;
  /** Seconds that a delivery may take: above what the worker's function may run, or it would be delivered again meanwhile. */
  readonly timeoutS: number | null;
  /** Sent along so that previews behind Vercel's protection can be reached. */
  readonly protectionBypass: string | null;
  /** Longest time that QStash may take to answer (ms), its repetitions included. */
  readonly patienceMs?: number;
}

/** What the failure callback brings: the message as it was, in base64, and what its last delivery was answered. */
const failure = z.object({ sourceBody: z.base64(), status: z.int().optional() });

/**
 * Milliseconds until a delivery that was not answered, or answered without Retry-After, comes again. There are but a few of
 * them on every plan: they must not all be spent on an outage of half a minute.
 */
const RETRY_DELAY = 'min(900000, 5000 * pow(5, retried))';
/** The longest that every plan takes: https://upstash.com/docs/qstash/overall/pricing */
export const MAX_TIMEOUT_S = 900;
const PUBLISH_TRIES = 4;
const PUBLISH_WAIT_MS = 250;
const PATIENCE_MS = 10_000;
/** Messages that one request takes. */
const BATCH = 100;

/** The client as this gateway uses it: nothing told to the vendor but what is asked of it. */
export function qstashClient({ url, token }: Pick<QstashQueueOptions, 'url' | 'token'>): Client {
  return new Client({ token, enableTelemetry: false, devMode: false, ...(url === null ? {} : { baseUrl: url }) });
}

/** Lets QStash into deployments behind Vercel's protection. */
export function bypassHeaders(protectionBypass: string | null): Record<string, string> {
  return protectionBypass === null ? {} : { 'x-vercel-protection-bypass': protectionBypass };
}

/** As headers of the failure callback, which takes none of the message's: https://upstash.com/docs/qstash/features/callbacks */
function callbackHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  const named = Object.entries(headers).map(([name, value]) => [`Upstash-Failure-Callback-Forward-${name}`, value]);
  return Object.fromEntries(named);
}

/** QStash: one message a job, delivered to the worker's door over HTTPS and signed. */
export function qstashQueue(options: QstashQueueOptions): Queue {
  const { publicBaseUrl, protectionBypass, clock, patienceMs = PATIENCE_MS } = options;
  const client = qstashClient(options);
  const receiver = new Receiver({
    currentSigningKey: options.currentSigningKey,
    nextSigningKey: options.nextSigningKey,
    devMode: false,
  });
  const door = `${publicBaseUrl}/api/worker`;
  const asking = <T>(operation: () => Promise<T>) => within(patienceMs, (signal) => whileBusy(operation, signal));

  function publication({ jobId, service, sequence, generation, version, dueAt, timeoutMs }: Message) {
    const delay = Math.ceil((dueAt - clock.now()) / 1000);
    const flow = options.flowControl(service);
    return {
      url: door,
      body: writePayload({ jobId, sending: { generation, version } }),
      headers: {
        'content-type': 'application/json',
        ...bypassHeaders(protectionBypass),
        ...callbackHeaders(bypassHeaders(protectionBypass)),
      },
      retries: options.retries,
      retryDelay: RETRY_DELAY,
      timeout: options.timeoutS ?? Math.min(MAX_TIMEOUT_S, Math.ceil(timeoutMs / 1000)),
      // The message is deduplicated for a time that QStash does not promise: the sequence makes each sending one of its own.
      deduplicationId: `${jobId}-${sequence}`,
      failureCallback: `${door}/failed`,
      label: labelOf(jobId, generation),
      // How long from now, not when: their clock need not be ours.
      ...(delay > 0 ? { delay } : {}),
      ...(flow === null ? {} : { flowControl: flowHeaders(service, flow) }),
    };
  }

  return {
    async send(message) {
      await asking(() => client.publish(publication(message)));
    },

    async sendMany(messages) {
      const faults: unknown[] = [];
      for (let at = 0; at < messages.length; at += BATCH) {
        const batch = messages.slice(at, at + BATCH).map(publication);
        // One that is refused must not keep those after it.
        const answers = await asking(() => client.batch(batch)).catch((error) => void faults.push(error));
        if (answers) faults.push(...refusals(answers, batch.length));
      }
      if (faults.length > 0) throw new AggregateError(faults, `QStash did not take all of ${messages.length} messages`);
    },

    async cancel(jobId, generation) {
      await asking(() => client.messages.cancel({ filter: { label: labelOf(jobId, generation) } }));
    },

    async receive(request) {
      const bytes = await request.arrayBuffer();
      // Every byte of it is signed: a decoder would take a byte order mark for no text.
      const body = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
      const signature = request.headers.get('upstash-signature');
      // A request's own URL is what its sender makes of it: only the path is looked at, to tell the doors apart.
      const [path = ''] = /\/(failed|sweep)$/.exec(new URL(request.url).pathname) ?? [];
      const url = `${door}${path}`;
      if (signature === null || !(await isSigned(receiver, { signature, body, url }))) return { kind: 'unauthorized' };
      if (path === '/sweep') return { kind: 'sweep' };
      return path === '/failed' ? givenUp(body) : delivered(body);
    },

    depth: async () => null,
  };
}

function flowHeaders(service: string, { parallelism, rate, period }: FlowControl) {
  const key = `gateway-${service}`;
  const rated = rate === null ? {} : { rate, period };
  return parallelism === null ? { key, rate: rate ?? 1, period } : { key, parallelism, ...rated };
}

/** `Receiver.verify` throws for anything that is wrong, a malformed token included. */
async function isSigned(receiver: Receiver, request: { signature: string; body: string; url: string }) {
  try {
    return await receiver.verify({ ...request, clockTolerance: 5 });
  } catch {
    return false;
  }
}

/** One generation's messages of a job: what is sent when it is run again is not to be taken back with them. */
function labelOf(jobId: string, generation: number): string {
  return `${jobId}.${generation}`;
}

function delivered(body: string): Received {
  const payload = readPayload(body);
  return payload === null ? { kind: 'malformed' } : { kind: 'delivery', ...payload };
}

function givenUp(body: string): Received {
  const parsed = failure.safeParse(parseJson(body));
  if (!parsed.success) return { kind: 'malformed' };
  const { sourceBody, status = null } = parsed.data;
  const payload = readPayload(new TextDecoder().decode(fromBase64(sourceBody)));
  return payload === null ? { kind: 'malformed' } : { kind: 'given_up', ...payload, status };
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** What a batch's answer does not have an id for: QStash answers in the order of the messages. */
function refusals(answers: readonly unknown[], sent: number): Error[] {
  const taken = answers.filter((answer) => accepted.safeParse(answer).success).length;
  return taken >= sent ? [] : [new Error(`${sent - taken} messages of a batch were refused`)];
}

const accepted = z.object({ messageId: z.string().min(1) });

/** QStash's client waits for ever where it gets no answer; what it is told then comes too late to matter. */
async function within<T>(ms: number, operation: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ended = new AbortController();
  const late = async (): Promise<never> => {
    await sleep(ms, ended.signal);
    throw new Error(`QStash has not answered within ${ms} ms`);
  };
  try {
    return await Promise.race([operation(ended.signal), late()]);
  } finally {
    ended.abort();
  }
}

/** QStash's client repeats only what `fetch` itself fails at: here also 429 and 5xx, for about two seconds. */
async function whileBusy<T>(operation: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await operation();
    } catch (error) {
      const busy = error instanceof QstashError && (error.status === 429 || (error.status ?? 0) >= 500);
      if (!busy || failures === PUBLISH_TRIES) throw error;
      await sleep(PUBLISH_WAIT_MS * 2 ** (failures - 1), signal);
      if (signal.aborted) throw error;
    }
  }
}
