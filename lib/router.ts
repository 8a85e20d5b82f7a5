import { SMALL_BODY } from './gateway/call.ts';
import { LONG_PATHS } from './gateway/decide.ts';
import { FORWARD_PREFIX } from './gateway/signature.ts';

/** One rule of the platform's router, as vercel.json has it. `has.value` is a pattern for the whole header; without one, the header would be added to the query. */
export interface Rewrite {
  readonly source: string;
  readonly destination: string;
  readonly has?: readonly { readonly type: 'header'; readonly key: string; readonly value: string }[];
  readonly missing?: readonly { readonly type: 'header'; readonly key: string }[];
}

const EDGE = '/api/gateway';
const NODE = FORWARD_PREFIX;
/** Public paths of calls. Groups have no names: a named one would be added to the query. */
const CALLS = '/(v1/.*|gateway/.*|api/chat|api/models)';

/**
 * The platform's router, asked before any function: the first rule that fits. It brings calls straight to the background
 * function that `decide` would have the edge hand on, and so keeps them from the edge's 25 s to the first byte. What it
 * brings too much (a GET on a long path, a stream with a long body, a short body that comes in chunks) the background
 * function runs as well.
 */
export function rewrites(): Rewrite[] {
  const long = `(${LONG_PATHS.map((path) => path.replace(/^\/v1\//, '')).join('|')})(.*)`;
  return [
    { source: `${FORWARD_PREFIX}/(.*)`, destination: NODE },
    { source: '/api/jobs/(.*)', destination: '/api/jobs' },
    { source: '/api/worker/(.*)', destination: '/api/worker' },
    { source: '/api/status', destination: NODE },
    { source: `/v1/${long}`, destination: NODE },
    // Also behind a provider's own prefix.
    { source: `/(v1|gateway)(.*)/v1/${long}`, destination: NODE },
    { source: CALLS, has: [{ type: 'header', key: 'idempotency-key', value: '.*' }], destination: NODE },
    {
      source: CALLS,
      has: [{ type: 'header', key: 'prefer', value: `.*${anyCase('respond-async')}.*` }],
      destination: NODE,
    },
    {
      source: CALLS,
      has: [{ type: 'header', key: 'x-gateway-stream', value: `.*${anyCase('collect')}.*` }],
      destination: NODE,
    },
    { source: CALLS, has: [{ type: 'header', key: 'content-length', value: moreThan(SMALL_BODY) }], destination: NODE },
    // A body in chunks: nobody knows yet how long it is.
    {
      source: CALLS,
      has: [{ type: 'header', key: 'content-type', value: '.*' }],
      missing: [{ type: 'header', key: 'content-length' }],
      destination: NODE,
    },
    // Whatever else there is no file for: the edge's answers have the gateway's one shape of errors.
    { source: '/(.*)', destination: EDGE },
  ];
}

function anyCase(text: string): string {
  return text.replaceAll(/[a-z]/g, (letter) => `[${letter.toUpperCase()}${letter}]`);
}

/** A pattern for the decimal numbers greater than `limit`. */
export function moreThan(limit: number): string {
  const digits = String(limit);
  const sameLength = Array.from(digits, (digit, at) => {
    const next = Number(digit) + 1;
    if (next > 9) return null;
    const rest = digits.length - at - 1;
    return `${digits.slice(0, at)}${next === 9 ? '9' : `[${next}-9]`}${rest === 0 ? '' : `[0-9]{${rest}}`}`;
  }).filter((pattern) => pattern !== null);
  return `0*(${[`[1-9][0-9]{${digits.length},}`, ...sameLength].join('|')})`;
}
