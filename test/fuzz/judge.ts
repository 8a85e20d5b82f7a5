import * as z from 'zod';
import { CATALOGUE, envelopeOf, isErrorCode } from '../../lib/http/errors.ts';
import { parseJson } from '../../lib/json.ts';
import { PROVIDER_HEADER, PROVIDER_WORD } from './provider.ts';

/** What came of a request. */
export interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** What of a request decides about what its answer may be. */
export interface Sent {
  readonly method: string;
  readonly target: string;
  readonly headers: Headers;
  /** Whether this is exactly what the gateway has read; of mutilated bytes nobody knows how they are taken. */
  readonly exact: boolean;
}

const facts = {
  message: z.string(),
  param: z.string().nullable(),
  request_id: z.string(),
  timestamp: z.iso.datetime(),
};
const status = z.int();
const SHAPES = {
  openai: z.object({ error: z.object({ ...facts, type: z.string(), code: z.string() }), status }),
  anthropic: z.object({
    type: z.literal('error'),
    error: z.object({ ...facts, type: z.string(), code: z.string() }),
    status,
    request_id: z.string(),
  }),
  gemini: z.object({ error: z.object({ ...facts, code: z.int(), status: z.string(), reason: z.string() }), status }),
};

/** Why an answer is not one that this gateway may give; `null` where it is. */
export function faultIn(sent: Sent, told: Told, secrets: readonly string[]): string | null {
  const { headers, body } = told;
  const names = Array.from(headers.keys());
  const leaked = names.find((name) =>
    /^(set-cookie|x-gateway-.*|x-private|access-control-allow-credentials)$/.test(name),
  );
  if (leaked !== undefined) return `the header ${leaked} came down`;
  const all = `${JSON.stringify(Array.from(headers))}${body}`;
  if (secrets.some((secret) => all.includes(secret))) return 'a secret came down';
  if (headers.get('x-request-id') === null) return 'it has no request id';
  if (told.status < 400) return opened(sent, told);
  const isProviders = headers.get(PROVIDER_HEADER) !== null || body.includes(PROVIDER_WORD);
  if (isProviders && told.status < 500) return null;
  if (told.status >= 500 && !mayFail(sent, told)) return 'the gateway failed';
  if (isProviders || sent.method === 'HEAD') return null;
  return isDemos(sent, told) ? null : misshapen(sent, told);
}

/** Doors that open to nobody who has no signature. */
function opened({ method, target, exact }: Sent, { status: code }: Told): string | null {
  if (!exact || method === 'OPTIONS') return null;
  const path = pathOf(target);
  return /^\/api\/(worker|gateway)(\/|$)/.test(path) ? `${path} opened with ${code}` : null;
}

/** Whether somebody was told to fail, or nobody could help it. */
function mayFail({ target, headers }: Sent, { status: code }: Told): boolean {
  if (code === 508) return headers.has('via');
  if (code === 500 && !/fail/.test(target)) {
    return isDemo(target) && (headers.has('x-demo-fail') || headers.has('idempotency-key'));
  }
  if (/fail|dead|keyless/.test(target) || headers.has('x-demo-fail')) return true;
  // The same key may have been used for a call that was told to fail.
  return isDemo(target) && headers.has('idempotency-key');
}

function isDemo(target: string): boolean {
  return target.includes('demo');
}

/** The demo service's errors are in its providers' words. */
function isDemos({ target }: Sent, { body }: Told): boolean {
  return isDemo(target) && !body.includes('"timestamp"');
}

function misshapen(sent: Sent, { status: code, headers, body }: Told): string | null {
  // Perhaps a HEAD.
  if (!sent.exact && body === '') return null;
  if (headers.get('content-type') !== 'application/json') return `an error of the type ${headers.get('content-type')}`;
  const json = parseJson(body);
  // What has no URL has no path to tell the envelope by.
  const any = !sent.exact || code === 431 || /"param":"(Host|Transfer-Encoding)"/.test(body);
  const envelopes = any ? Object.values(SHAPES) : [SHAPES[envelopeOf(pathOf(sent.target))]];
  const parsed = envelopes.map((shape) => shape.safeParse(json)).find(({ success }) => success);
  if (parsed?.data === undefined) return 'an error of another shape';
  const { error } = parsed.data;
  if (parsed.data.status !== code) return 'an error of another status';
  const name = 'reason' in error ? error.reason : error.code;
  if (!isErrorCode(name)) return `an error that no catalogue has: ${name}`;
  if (name === 'internal' || CATALOGUE[name].status !== code) return `${name} with ${code}`;
  return error.request_id === headers.get('x-request-id') ? null : 'an error of another request';
}

function pathOf(target: string): string {
  const url = `http://host${target}`;
  return URL.canParse(url) ? new URL(url).pathname : '';
}
