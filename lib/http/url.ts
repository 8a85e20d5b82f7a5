import type { Config } from '../config.ts';

/** Where this gateway is reached, for the links in its answers: `PUBLIC_BASE_URL`, else as this request reached it. */
export function baseUrlOf(request: Request, config: Config): string {
  return config.publicBaseUrl ?? new URL(request.url).origin;
}
