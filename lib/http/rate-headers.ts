/** A limit by its name, as draft-ietf-httpapi-ratelimit-headers tells of it. */
export interface Policy {
  /** Letters, digits and dashes. */
  readonly name: string;
  readonly limit: number;
  /** Seconds in which it counts, where it is one over time. */
  readonly windowS?: number;
}

/** `RateLimit-Policy` and `RateLimit`: what is allowed, what is left of it, and in how many seconds there is more. */
export function rateHeaders(policy: Policy, remaining: number, resetS: number): Record<string, string> {
  const { name, limit, windowS } = policy;
  return {
    'ratelimit-policy': `"${name}";q=${limit}${windowS === undefined ? '' : `;w=${windowS}`}`,
    ratelimit: `"${name}";r=${remaining};t=${resetS}`,
  };
}

/** Headers of a 429. */
export function overLimit(policy: Policy, resetS: number): Record<string, string> {
  return { 'retry-after': String(resetS), ...rateHeaders(policy, 0, resetS) };
}
