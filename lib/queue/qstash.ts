import { Client, QstashError, Receiver } from '@upstash/qstash';
import * as z from 'zod';
import { type Clock, sleep } from '../clock.ts';
import { parseJson } from '../json.ts';
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
  /** Sent along so that previews behind Vercel's protection can be reached. */
  readonly protectionBypass: string | null;
}

const payload = z.object({ job: z.string().min(1).max(100) });
/** What the failure callback brings: the message as it was, in base64. */
const failure = z.object({ sourceBody: z.base64() });

/**
 * Deliveries that QStash makes before it gives a message up and calls the failure door. Far more than a job's own
 * tries, as a delivery that finds the lease held, or a worker that dies, counts here too.
 */
const RETRIES = 50;
/** Milliseconds until a delivery that was not answered, or answered without Retry-After, comes again. */
const RETRY_DELAY = 'min(300000, 2000 * pow(2, retried))';
const PUBLISH_TRIES = 4;
const PUBLISH_WAIT_MS = 250;

/** QStash: one message a job, delivered to the worker's door over HTTPS and signed. */
export function qstashQueue(options: QstashQueueOptions): Queue {
  const { publicBaseUrl, protectionBypass, clock } = options;
  const client = new Client({
    token: options.token,
    enableTelemetry: false,
    devMode: false,
    ...(options.url === null ? {} : { baseUrl: options.url }),
  });
  const receiver = new Receiver({
    currentSigningKey: options.currentSigningKey,
    nextSigningKey: options.nextSigningKey,
    devMode: false,
  });
  const door = `${publicBaseUrl}/api/worker`;

  function publication({ jobId, service, sequence, dueAt, timeoutMs }: Message) {
    const delay = Math.ceil((dueAt - clock.now()) / 1000);
    const flow = options.flowControl(service);
    return {
      url: door,
      body: JSON.stringify({ job: jobId }),
      headers: {
        'content-type': 'application/json',
        ...(protectionBypass === null ? {} : { 'x-vercel-protection-bypass': protectionBypass }),
      },
      retries: RETRIES,
      retryDelay: RETRY_DELAY,
      timeout: Math.ceil(timeoutMs / 1000),
      // The message is deduplicated for a time that QStash does not promise: the sequence makes each sending one of its own.
      deduplicationId: `${jobId}-${sequence}`,
      failureCallback: `${door}/failed`,
      label: jobId,
      // How long from now, not when: their clock need not be ours.
      ...(delay > 0 ? { delay } : {}),
      ...(flow === null ? {} : { flowControl: flowHeaders(service, flow) }),
    };
  }

  return {
    async send(message) {
      await whileBusy(() => client.publish(publication(message)));
    },

    async cancel(jobId) {
      await whileBusy(() => client.messages.cancel({ filter: { label: jobId } }));
    },

    async receive(request) {
      const body = await request.text();
      const signature = request.headers.get('upstash-signature');
      // A request's own URL is what its sender makes of it: only the path is looked at, to tell the two doors apart.
      const failed = new URL(request.url).pathname.endsWith('/failed');
      const url = failed ? `${door}/failed` : door;
      if (signature === null || !(await isSigned(receiver, { signature, body, url }))) return { kind: 'unauthorized' };
      return delivered(failed ? sourceOf(body) : body);
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

function sourceOf(body: string): string {
  const parsed = failure.safeParse(parseJson(body));
  return parsed.success ? new TextDecoder().decode(fromBase64(parsed.data.sourceBody)) : '';
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function delivered(body: string): Received {
  const parsed = payload.safeParse(parseJson(body));
  return parsed.success ? { kind: 'delivery', jobId: parsed.data.job } : { kind: 'malformed' };
}

/** QStash's client repeats only what `fetch` itself fails at: here also 429 and 5xx, for about two seconds. */
async function whileBusy<T>(operation: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await operation();
    } catch (error) {
      const busy = error instanceof QstashError && (error.status === 429 || (error.status ?? 0) >= 500);
      if (!busy || failures === PUBLISH_TRIES) throw error;
      await sleep(PUBLISH_WAIT_MS * 2 ** (failures - 1));
    }
  }
}
