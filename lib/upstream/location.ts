import type { Service } from './services.ts';

/**
 * A provider's `Location` as it has to read on the gateway: what lies within the service leads through the gateway again,
 * with the credential that the gateway knows; what lies elsewhere is named in full.
 */
export function relocated(location: string, { name, origin, basePath }: Service): string {
  // Relative to the path of the call, it means the same here as there.
  if (origin === null || !/^(\/|[a-z][a-z0-9+.-]*:)/i.test(location) || !URL.canParse(location, origin))
    return location;
  const { href, origin: host, pathname, search, hash } = new URL(location, origin);
  if (host !== origin || !`${pathname}/`.startsWith(`${basePath}/`)) return href;
  return `/gateway/${name}${pathname.slice(basePath.length)}${search}${hash}`;
}
