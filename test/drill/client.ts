import { setTimeout as wait } from 'node:timers/promises';
import { Agent, request } from 'undici';
import * as z from 'zod';
import { parseJson } from '../../lib/json.ts';
import { fingerprint } from './answers.ts';
import type { DrillJob, JobEnd } from './ledger.ts';

export const PATH = '/gateway/local/v1/chat/completions';
export const CREDENTIAL = 'Bearer sk-drill';
/** After the end of a connection or a 503. */
const PAUSE_MS = 40;
/** Longest time that one request may take: what hangs is asked again. */
const REQUEST_MS = 30_000;

const view = z.looseObject({
  id: z.string(),
  status: z.string(),
  attempts: z.int(),
  response: z.looseObject({ status: z.int() }).nullable(),
  error: z.looseObject({ code: z.string(), upstream_status: z.int().nullable() }).nullable(),
});
type View = z.infer<typeof view>;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
}

export interface ClientOptions {
  /** Where the gateway is now: another one after it was killed. */
  readonly url: () => string;
  /** Nothing is begun or waited for any more then. */
  readonly signal: AbortSignal;
}

/** Work that is still to be submitted. */
export interface Order {
  readonly marker: string;
  readonly body: Buffer;
  /** Seconds of one attempt, and how often a failure is tried again; without them as a native call has them. */
  readonly limits?: { readonly timeoutS: number; readonly retries: number };
}

export type Accepted = Omit<DrillJob, 'end'>;

/** A caller that comes again, under the same key, as long as it got no answer or was told to. */
export class Client {
  readonly #options: ClientOptions;
  readonly #agent = new Agent({ keepAliveTimeout: 1_000 });
  /** Answers of a kind that nobody should get. */
  readonly oddities: string[] = [];
  /** How often it was told to come again (503), and how often a connection ended without an answer. */
  refused = 0;
  unanswered = 0;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** One request; `null` where it got no answer. */
  async send(
    method: 'GET' | 'POST',
    path: string,
    { headers = {}, body, signal }: { headers?: Record<string, string>; body?: Buffer; signal?: AbortSignal } = {},
  ): Promise<Answer | null> {
    const signals = [AbortSignal.timeout(REQUEST_MS), this.#options.signal, ...(signal ? [signal] : [])];
    try {
      const answer = await request(`${this.#options.url()}${path}`, {
        method,
        headers: { authorization: CREDENTIAL, ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
        dispatcher: this.#agent,
        signal: AbortSignal.any(signals),
        ...(body ? { body } : {}),
      });
      return {
        status: answer.statusCode,
        headers: answer.headers,
        bytes: Buffer.from(await answer.body.arrayBuffer()),
      };
    } catch {
      this.unanswered++;
      return null;
    }
  }

  /** Submits until it is accepted; `null` where the drill ended before that. */
  async submit(order: Order): Promise<Accepted | null> {
    const { path, headers, body } = submission(order);
    while (!this.#options.signal.aborted) {
      const answer = await this.send('POST', path, { headers, body });
      const accepted = answer !== null && (answer.status === 202 || answer.status === 200) ? read(answer) : null;
      if (accepted !== null) return { marker: order.marker, asked: fingerprint(order.body), id: accepted.id };
      if (answer !== null && !this.#isToComeAgain(answer)) {
        this.oddities.push(
          `${order.marker}: submitting was answered ${answer.status} ${answer.bytes.subarray(0, 200)}`,
        );
      }
      await wait(PAUSE_MS);
    }
    return null;
  }

  /** The job's end, polled; `null` where the drill ended before that. */
  async end(id: string): Promise<JobEnd | null> {
    while (!this.#options.signal.aborted) {
      const answer = await this.send('GET', `/api/jobs/${id}?wait=2`);
      const job = answer?.status === 200 ? read(answer) : null;
      if (answer !== null && job === null && !this.#isToComeAgain(answer)) {
        this.oddities.push(`${id}: polling was answered ${answer.status}`);
        return null;
      }
      if (job !== null && job.status !== 'queued' && job.status !== 'in_progress') return this.#endOf(job);
      if (job === null) await wait(PAUSE_MS);
    }
    return null;
  }

  async #endOf(job: View): Promise<JobEnd> {
    const { status, attempts, error } = job;
    const end = { status, attempts, code: error?.code ?? null, upstreamStatus: error?.upstream_status ?? null };
    const hasResult = status === 'completed' || error?.upstream_status !== null;
    return { ...end, result: hasResult ? await this.#result(job.id) : null };
  }

  async #result(id: string): Promise<string | null> {
    while (!this.#options.signal.aborted) {
      const answer = await this.send('GET', `/api/jobs/${id}/result`);
      // A provider's own 503 is a result: the gateway's has no job.
      if (answer !== null && (answer.status !== 503 || answer.headers['x-job-id'] !== undefined)) {
        return fingerprint(answer.bytes);
      }
      await wait(PAUSE_MS);
    }
    return null;
  }

  #isToComeAgain({ status }: Answer): boolean {
    if (status === 503) this.refused++;
    return status === 503;
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

function submission({ marker, body, limits }: Order) {
  const headers = { 'idempotency-key': marker };
  if (limits === undefined) return { path: PATH, headers: { ...headers, prefer: 'respond-async' }, body };
  const { timeoutS: timeout_s, retries } = limits;
  const call = { service: 'local', path: '/v1/chat/completions', timeout_s, retries };
  // Spelled by hand: the gateway passes the body on byte for byte.
  const text = JSON.stringify(call);
  return { path: '/api/jobs', headers, body: Buffer.from(`${text.slice(0, -1)},"body":${body}}`) };
}

function read({ bytes }: Answer): View | null {
  const parsed = view.safeParse(parseJson(bytes.toString()));
  return parsed.success ? parsed.data : null;
}
