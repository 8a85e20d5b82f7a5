import type { Credential, Identifier } from '../http/auth.ts';

/**
 * The path of a submission as an HTTP client would send it: dot segments resolved, so that it cannot climb out of the
 * base path. A `?key=` in it is treated as in a native call: where the caller brings no other, it is the credential
 * (Gemini's way), kept as one and so erased when the job ends; a gateway key is no provider's business and goes.
 */
export async function readTarget(
  path: string,
  credential: Credential,
  { isGatewayKey }: Pick<Identifier, 'isGatewayKey'>,
): Promise<{ target: string; credential: Credential }> {
  const { pathname, search } = new URL(`http://host${path}`);
  const bringsOther = credential.kind === 'service' ? credential.required : credential.kind !== 'none';
  const kept: string[] = [];
  let found: string | null = null;
  for (const pair of search.slice(1).split('&')) {
    const [[name, value = ''] = []] = new URLSearchParams(pair);
    // The platform's own: see the query of a native call.
    if (name?.startsWith('x-vercel-') === true) continue;
    if (name === 'key' && value !== '') {
      if (await isGatewayKey(value)) continue;
      if (!bringsOther) {
        found ??= value;
        continue;
      }
    }
    kept.push(pair);
  }
  const query = kept.join('&');
  return {
    target: query === '' ? pathname : `${pathname}?${query}`,
    credential: found === null ? credential : { kind: 'query', value: found },
  };
}
