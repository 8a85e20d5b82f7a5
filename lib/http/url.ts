import type { Config } from '../config.ts';

/** Whether a URL leads to this very machine. */
export function isLoopback({ hostname }: URL): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

/** Where this gateway is reached, for the links in its answers: `PUBLIC_BASE_URL`, else as this request reached it. */
export function baseUrlOf(request: Request, config: Config): string {
  return config.publicBaseUrl ?? new URL(request.url).origin;
}
