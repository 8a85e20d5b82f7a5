import { join } from 'node:path';
import { serveStatic } from '@hono/node-server/serve-static';

/** The files of `public/`, where no platform serves them. */
export function servePage() {
  const root = join(import.meta.dirname, '..', 'public');
  return serveStatic({
    root,
    onFound: (_path, c) => {
      c.header('Content-Security-Policy', PAGE_POLICY);
      c.header('X-Content-Type-Options', 'nosniff');
      c.header('Referrer-Policy', 'no-referrer');
      c.header('Cache-Control', 'no-cache');
    },
  });
}

/** The page loads nothing but its own files and speaks to nobody but this gateway. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
