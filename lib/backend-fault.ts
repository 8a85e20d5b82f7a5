import { GatewayError } from './http/errors.ts';

const ADVICE = {
  redis:
    'Redis does not answer as it should: check UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN (or KV_REST_API_URL and KV_REST_API_TOKEN), and the database at Upstash.',
  qstash:
    'QStash does not take the job: check QSTASH_URL and QSTASH_TOKEN, and the plan’s limits at Upstash; PUBLIC_BASE_URL must be an address that QStash can reach.',
} as const;

/** A fault of the store or the queue, which its operator can mend. */
class BackendFault extends Error {
  override readonly name = 'BackendFault';
  readonly backend: keyof typeof ADVICE;

  constructor(backend: keyof typeof ADVICE, cause: unknown) {
    super(ADVICE[backend], { cause });
    this.backend = backend;
  }
}

/** Runs what talks to `backend`, and marks its faults as that backend's. */
export async function talking<T>(backend: keyof typeof ADVICE, talk: () => Promise<T>): Promise<T> {
  try {
    return await talk();
  } catch (error) {
    throw new BackendFault(backend, error);
  }
}

/** What to do about the backend whose fault this is, or was the cause of; `null` for any other fault. */
export function adviceOf(error: unknown): string | null {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof BackendFault) return ADVICE[cause.backend];
  }
  return null;
}

/** What the caller is told of a backend's fault: to come again, and, for the operator, what to look at. */
export function explained(error: unknown): GatewayError | null {
  const message = adviceOf(error);
  return message === null
    ? null
    : new GatewayError('unavailable', { message, headers: { 'retry-after': '5' }, cause: error });
}
