import type { Config, GatewayKey } from '../config.ts';
import type { Secrets } from '../secrets.ts';
import { KEY_HEADERS, type KeyHeader } from '../upstream/services.ts';
import { GatewayError } from './errors.ts';

/** What goes to the provider to say who pays. */
export type Credential =
  /** The caller's own, in the header that it came in. */
  | { readonly kind: 'header'; readonly name: KeyHeader; readonly value: string }
  /** The caller's own, as Gemini's `?key=`. */
  | { readonly kind: 'query'; readonly value: string }
  /**
   * The service's, from the gateway's environment; looked up when the call is made, never stored. `required`: without one
   * there is no call; else the call goes out without a key, as a service on one's own network wants it.
   */
  | { readonly kind: 'service'; readonly required: boolean }
  | { readonly kind: 'none' };

export interface Caller {
  readonly credential: Credential;
  /** Whether anything tells this caller from others. Where not, its jobs are in nobody's list, and their read tokens alone open them. */
  readonly isKnown: boolean;
  /** For logs and metrics: a gateway key's name, or the kind of credential; never the credential. */
  readonly label: string;
  /**
   * Keyed hashes that what the caller makes is counted and kept under: the first for new jobs, further ones while
   * `GATEWAY_SECRET` is being rotated. All callers that nothing tells apart share one. Worked out when first asked for, as
   * a sync call needs none.
   */
  accounts(): Promise<readonly string[]>;
  /** The accounts whose jobs the caller may see: its own, and none where nothing tells it from others. */
  owners(): Promise<readonly string[]>;
}

export interface Identifier {
  /** Whether callers without a credential may share their jobs. */
  readonly isPrivate: boolean;
  /** @throws GatewayError `gateway_key_required` where nothing else gets in */
  identify(request: Request, url: URL): Promise<Caller>;
  /** Whether a text is one of the gateway's own keys, which no provider may see. */
  isGatewayKey(text: string): Promise<boolean>;
}

/**
 * Tells callers apart by what they bring (protocol section "Who may do what").
 * @param isPrivate whether nobody but this machine's own users reach the gateway: then those without a credential, whose
 * requests look like theirs, share their jobs
 */
export function createIdentifier(config: Config, secrets: Secrets, isPrivate: boolean): Identifier {
  // Compared by keyed hash: how long a look-up takes says nothing about the keys.
  const keys = hashKeys(config.gatewayKeys, secrets);
  const nameOf: NameOf = async (token) =>
    config.gatewayKeys.length === 0 ? undefined : (await keys).get(await secrets.hash('gateway-key', token));
  return {
    isPrivate,
    isGatewayKey: async (text) => (await nameOf(text)) !== undefined,
    async identify(request, url) {
      const credential = presented(request.headers, url);
      if (credential.kind === 'none') {
        if (config.requireGatewayKey) throw new GatewayError('gateway_key_required');
        const scope = isPrivate ? localScope(request.headers, url) : null;
        const accounts = () => secrets.hashes('owner', scope === null ? 'nobody' : `anonymous ${scope}`);
        return {
          isKnown: scope !== null,
          credential: config.allowEnvApiKey ? { kind: 'service', required: false } : credential,
          label: 'anonymous',
          accounts,
          owners: scope === null ? async () => [] : accounts,
        };
      }
      const token = bare(credential);
      const name = await nameOf(token);
      if (name !== undefined) {
        const credential: Credential = { kind: 'service', required: true };
        return known(credential, `key:${name}`, () => secrets.hashes('owner', `gateway-key ${name}`));
      }
      if (config.requireGatewayKey) throw new GatewayError('gateway_key_required');
      await refuseAmong(credential, nameOf);
      return known(credential, credential.kind, () => secrets.hashes('owner', `provider ${token}`));
    },
  };
}

function known(credential: Credential, label: string, accounts: Caller['accounts']): Caller {
  return { isKnown: true, credential, label, accounts, owners: accounts };
}

/** A header that comes twice is one value to its reader: a gateway key beside another would go to the provider with it. */
async function refuseAmong(credential: Exclude<Credential, { kind: 'service' | 'none' }>, nameOf: NameOf) {
  const several = credential.value.split(',');
  if (several.length === 1) return;
  const names = await Promise.all(several.map((value) => nameOf(bare({ value: value.trim() }))));
  if (names.every((name) => name === undefined)) return;
  const param = credential.kind === 'header' ? credential.name : 'key';
  throw new GatewayError('invalid_request', { message: 'More than one key came where one is expected.', param });
}

type NameOf = (token: string) => Promise<string | undefined>;

async function hashKeys(keys: readonly GatewayKey[], secrets: Secrets): Promise<Map<string, string>> {
  const entries = keys.map(async ({ name, key }) => [await secrets.hash('gateway-key', key), name] as const);
  return new Map(await Promise.all(entries));
}

function presented(headers: Headers, url: URL): Exclude<Credential, { kind: 'service' }> {
  for (const name of KEY_HEADERS) {
    const value = headers.get(name)?.trim();
    if (value) return { kind: 'header', name, value };
  }
  const value = url.searchParams.get('key');
  return value ? { kind: 'query', value } : { kind: 'none' };
}

/** The key itself: the same caller may send it as `Authorization: Bearer` here and as `x-api-key` there. */
function bare(credential: { value: string }): string {
  return credential.value.replace(/^Bearer\s+/i, '');
}

/** What proxies add; one on this machine, as `vercel dev` is, names this machine alone in them. */
const FORWARDED = /^(forwarded|x-forwarded-.*|via|x-real-ip|true-client-ip|cf-.*)$/;
const HERE = /^((127\.0\.0\.1|::1|\[::1\]|::ffff:127\.0\.0\.1|localhost)(:\d+)?|for|by|host|proto|https?|\d{1,5}|)$/i;

/**
 * Callers without a credential share their jobs only with those of the same origin: a page of another site sees none of
 * the jobs that the machine's user has made. `null`: nothing tells whose a request is, as it came under a name that is
 * not this machine's (a site's that has rebound it, a tunnel's) or through a proxy.
 */
function localScope(headers: Headers, url: URL): string | null {
  const host = headers.get('host') ?? url.host;
  if (!/^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host)) return null;
  const forwarded = Array.from(headers).flatMap(([name, value]) =>
    FORWARDED.test(name) ? value.split(/[\s,;="]+/) : [],
  );
  if (!forwarded.every((word) => HERE.test(word))) return null;
  const origin = headers.get('origin');
  return origin === null || (URL.canParse(origin) && new URL(origin).host === host) ? '' : `origin ${origin}`;
}
