import { type Failure, failures, Refusal } from './fail.ts';

/** How the request's `x-demo-*` headers want it answered. */
export interface Controls {
  /** Before the status and headers. */
  readonly delayMs: number;
  /** Between the frames of a stream. */
  readonly tokenDelayMs: number;
  /** Exact length of the answer's text in UTF-16 units; undefined for just the echo. */
  readonly length: number | undefined;
  readonly failure: Failure | undefined;
}

const maxDelayMs = 600_000;
const maxLength = 5_000_000;
const defaultTokenDelayMs = 20;

function whole(headers: Headers, name: string, max: number): number | undefined {
  const value = headers.get(name);
  if (value === null) return undefined;
  if (!/^\d+$/.test(value) || Number(value) > max) {
    throw new Refusal(400, `Header ${name} must be a whole number from 0 to ${max}.`, name);
  }
  return Number(value);
}

function failureOf(headers: Headers): Failure | undefined {
  const value = headers.get('x-demo-fail');
  if (value === null) return undefined;
  const failure = failures.find((known) => known === value);
  if (failure === undefined) {
    throw new Refusal(400, `Header x-demo-fail must be one of: ${failures.join(', ')}.`, 'x-demo-fail');
  }
  return failure;
}

/** Reads the `x-demo-*` headers; a bad value is refused by the header's name. */
export function readControls(headers: Headers): Controls {
  return {
    delayMs: whole(headers, 'x-demo-delay-ms', maxDelayMs) ?? 0,
    tokenDelayMs: whole(headers, 'x-demo-token-delay-ms', maxDelayMs) ?? defaultTokenDelayMs,
    length: whole(headers, 'x-demo-length', maxLength),
    failure: failureOf(headers),
  };
}
