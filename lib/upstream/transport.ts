/** A request as it leaves for a provider: filtered headers, fixed host. */
export interface UpstreamRequest {
  /** `scheme://host[:port]` of the configured service; nothing in a caller's request can change it. */
  readonly origin: string;
  /** Path and query, as they came. */
  readonly target: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
  readonly signal: AbortSignal;
}

/** A provider's answer; the bytes are those that the headers describe (a transport that decodes also drops `content-encoding`). */
export interface UpstreamResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | null;
}

/**
 * How one HTTP exchange travels: `fetch` on the edge, undici on Node, the demo service inside the process.
 * No redirects are followed, nothing is retried. Rejects with the runtime's own error: `faults.ts` names it.
 */
export type Transport = (request: UpstreamRequest) => Promise<UpstreamResponse>;
