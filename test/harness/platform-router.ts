import type { Rewrite } from '../../lib/router.ts';

/**
 * Where the platform's router brings a request: to the function of that name, else by the first rule that fits. Without
 * named groups a source is a pattern as it stands.
 */
export function destinationOf(rules: readonly Rewrite[], path: string, headers: Headers): string | null {
  if (rules.some(({ destination }) => destination === path)) return path;
  const rule = rules.find(({ source, has = [], missing = [] }) => {
    const fits = ({ key, value }: { key: string; value: string }) => {
      const given = headers.get(key);
      return given !== null && new RegExp(`^${value}$`).test(given);
    };
    const isMissing = ({ key }: { key: string }) => !headers.has(key);
    return new RegExp(`^${source}$`).test(path) && has.every(fits) && missing.every(isMissing);
  });
  return rule?.destination ?? null;
}
