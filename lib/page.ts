import { join } from 'node:path';
import { serveStatic } from '@hono/node-server/serve-static';
import type { Context, Next } from 'hono';

/** The page loads nothing but its own files and speaks to nobody but this gateway. vercel.json has the same. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};

/** The files of `public/`, where no platform serves them. */
export function servePage() {
  const root = join(import.meta.dirname, '..', 'public');
  const files = serveStatic({
    root,
    onFound: (_path, c) => {
      for (const [name, value] of Object.entries(PAGE_HEADERS)) c.header(name, value);
      c.header('Cache-Control', 'no-cache');
    },
  });
  return (c: Context, next: Next) => {
    // Small files come whole (RFC 9110 section 14.2): a range that there is none of would be refused in no shape of ours.
    c.req.raw.headers.delete('range');
    return files(c, next);
  };
}
