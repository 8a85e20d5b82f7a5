import type { Config } from '../config.ts';

/** Whether a URL leads to this very machine. */
export function isLoopback({ hostname }: URL): boolean {
  return isLoopbackHost(hostname.replace(/^\[(.*)\]$/, '$1'));
}

/** Whether a host, as one listens on it, is this very machine's own interface. */
export function isLoopbackHost(host: string): boolean {
  return ['localhost', '127.0.0.1', '::1'].includes(host);
}

/** Where this gateway is reached, for the links in its answers: `PUBLIC_BASE_URL`, else as this request reached it. */
export function baseUrlOf(request: Request, config: Config): string {
  return config.publicBaseUrl ?? new URL(request.url).origin;
}
