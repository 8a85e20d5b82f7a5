import { sleep } from '../clock.ts';
import { GatewayError } from '../http/errors.ts';
import { neverReached, upstreamFault } from './faults.ts';
import { IN_PLACE, isRetryable, retryDelay, SAFE_METHODS } from './retry.ts';
import type { Service } from './services.ts';
import type { Transport, UpstreamRequest, UpstreamResponse } from './transport.ts';
import { withVia } from './via.ts';

/** Milliseconds; each is measured by itself. */
export interface Deadlines {
  /** From the start to the answer's head, retries included. */
  readonly firstByte: number;
  /** Between two pieces of the answer. */
  readonly idle: number;
  /** From the start to the answer's last byte. */
  readonly total: number;
}

export interface UpstreamCall {
  readonly service: Service;
  readonly method: string;
  /** Path and query as the caller sent them, without the service's base path. */
  readonly target: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
  readonly deadlines: Deadlines;
  /** Bytes that the answer may have. */
  readonly maxSize: number;
  /** Further tries in place, while the caller waits; a job has none, its queue retries it. */
  readonly retries: number;
  /** Aborts the exchange: the caller has gone, or the job is cancelled. */
  readonly signal: AbortSignal;
  /**
   * Told of what breaks the answer off after its head, when no status can say it any more. The answer's reader is then
   * told no cause: what serves it may print that, and a parser's error quotes the bytes that it could not read.
   */
  readonly onBreak?: (fault: unknown) => void;
}

/** The only way to a provider. Rejects with a GatewayError, or with the signal's reason once that is aborted. */
export type Upstream = (call: UpstreamCall) => Promise<UpstreamResponse>;

/** @param demo answers for the service that lives inside the process */
export function createUpstream(transport: Transport, demo: Transport): Upstream {
  return async (call) => {
    const watch = new Watch(call);
    try {
      watch.signal.throwIfAborted();
      const response = await tryCall(call.service.origin === null ? demo : transport, call, watch);
      if (response.body === null || call.method === 'HEAD') {
        watch.end();
        // The demo service gives one all the same, which nobody would read or let go of.
        await response.body?.cancel();
        return { ...headOf(response), body: null };
      }
      watch.headArrived();
      return { ...headOf(response), body: watched(response.body, call, watch) };
    } catch (error) {
      watch.end();
      throw watch.reasonFor(error);
    }
  };
}

function headOf({ status, headers }: UpstreamResponse) {
  return { status, headers };
}

async function tryCall(transport: Transport, call: UpstreamCall, watch: Watch): Promise<UpstreamResponse> {
  const request = toRequest(call, watch.signal);
  for (let failures = 1; ; failures++) {
    const mayRetry = failures <= call.retries && canRepeat(call);
    const outcome = await exchange(transport, request, watch);
    if (outcome instanceof GatewayError) {
      if (!mayRetry || !(neverReached(outcome) || SAFE_METHODS.has(call.method))) throw outcome;
    } else if (!mayRetry || !isRetryable(outcome)) {
      return checkLength(outcome, call);
    }
    const headers = outcome instanceof GatewayError ? null : outcome.headers;
    const delay = retryDelay(headers, failures, IN_PLACE, Date.now(), Math.random());
    if (delay >= watch.untilFirstByte()) {
      if (outcome instanceof GatewayError) throw outcome;
      return checkLength(outcome, call);
    }
    if (!(outcome instanceof GatewayError)) await outcome.body?.cancel();
    await sleep(delay, watch.signal);
    watch.signal.throwIfAborted();
  }
}

async function exchange(
  transport: Transport,
  request: UpstreamRequest,
  watch: Watch,
): Promise<UpstreamResponse | GatewayError> {
  try {
    const response = await transport(request);
    // No answer of ours could carry another one.
    if (response.status >= 200 && response.status <= 599) return response;
    await response.body?.cancel();
    return new GatewayError('upstream_malformed');
  } catch (error) {
    watch.signal.throwIfAborted();
    return upstreamFault(error);
  }
}

function toRequest(call: UpstreamCall, signal: AbortSignal): UpstreamRequest {
  const { service, method, target, headers, body } = call;
  return {
    origin: service.origin ?? 'http://demo',
    target: `${service.basePath}${target}`,
    method,
    // What answers inside the process is no hop.
    headers: service.origin === null ? headers : withVia(headers),
    body,
    signal,
  };
}

function canRepeat(call: UpstreamCall): boolean {
  return !(call.body instanceof ReadableStream) && call.service.retryableMethods.includes(call.method);
}

async function checkLength(response: UpstreamResponse, call: UpstreamCall): Promise<UpstreamResponse> {
  const declared = Number(response.headers.get('content-length') ?? 0);
  if (response.body === null || declared <= call.maxSize) return response;
  await response.body.cancel();
  throw new GatewayError('response_too_large');
}

/** The answer's bytes under the idle deadline and the size limit. Read only as fast as they are asked for. */
function watched(body: ReadableStream<Uint8Array>, call: UpstreamCall, watch: Watch): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let size = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        watch.waiting(true);
        try {
          const { done, value } = await reader.read();
          watch.waiting(false);
          if (done) {
            watch.end();
            return controller.close();
          }
          size += value.byteLength;
          if (size > call.maxSize) throw new GatewayError('response_too_large');
          controller.enqueue(value);
        } catch (error) {
          watch.abort(error);
          const reason = watch.reasonFor(error);
          if (!call.signal.aborted) call.onBreak?.(reason);
          throw call.onBreak === undefined ? reason : withoutCause(reason);
        }
      },
      cancel(reason) {
        watch.abort(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function withoutCause(reason: unknown): unknown {
  return reason instanceof GatewayError ? new GatewayError(reason.code) : reason;
}

/** The three deadlines and the caller's signal, as one signal for the transport. */
class Watch {
  readonly #controller = new AbortController();
  readonly #deadlines: Deadlines;
  readonly #caller: AbortSignal;
  readonly #startedAt = Date.now();
  readonly #total: ReturnType<typeof setTimeout>;
  #next: ReturnType<typeof setTimeout>;
  #waitingSince: number | null = null;

  constructor({ deadlines, signal }: UpstreamCall) {
    this.#deadlines = deadlines;
    this.#caller = signal;
    // The first byte's deadline first: where both are the same, it says more.
    this.#next = setTimeout(() => this.abort(new GatewayError('upstream_timeout')), deadlines.firstByte);
    this.#total = setTimeout(() => this.abort(new GatewayError('upstream_total_timeout')), deadlines.total);
    if (signal.aborted) this.#onCaller();
    else signal.addEventListener('abort', this.#onCaller);
  }

  readonly #onCaller = () => this.abort(this.#caller.reason);

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  untilFirstByte(): number {
    return this.#startedAt + this.#deadlines.firstByte - Date.now();
  }

  headArrived(): void {
    clearTimeout(this.#next);
    this.#idle(this.#deadlines.idle);
  }

  /** Whether it is the provider that is waited for: a slow reader must not look like a silent provider. */
  waiting(on: boolean): void {
    this.#waitingSince = on ? Date.now() : null;
  }

  /** One timer that looks again when it fires, rather than one for each piece of the answer. */
  #idle(ms: number): void {
    this.#next = setTimeout(() => {
      const waited = this.#waitingSince === null ? 0 : Date.now() - this.#waitingSince;
      if (waited >= this.#deadlines.idle) this.abort(new GatewayError('upstream_idle'));
      else this.#idle(this.#deadlines.idle - waited);
    }, ms);
  }

  abort(reason: unknown): void {
    this.end();
    this.#controller.abort(reason);
  }

  end(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#next);
    this.#caller.removeEventListener('abort', this.#onCaller);
  }

  /** What to tell of `error`: an abort of ours shows as whatever the transport makes of it. */
  reasonFor(error: unknown): unknown {
    if (this.#caller.aborted) return this.#caller.reason;
    if (this.signal.aborted && this.signal.reason instanceof GatewayError) return this.signal.reason;
    return upstreamFault(error);
  }
}
