import { type LookupAddress, lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { Agent } from 'undici';
import { isPublicAddress } from './address.ts';

export interface WebhookPost {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Longest time (ms) to the end of the receiver's answer. */
  readonly timeoutMs: number;
}

export interface WebhookAnswer {
  readonly status: number;
  readonly headers: Headers;
}

/** Calls a receiver once; redirects are not followed. Rejects with the runtime's own error, or {@link AddressRefused}. */
export type PostWebhook = (post: WebhookPost) => Promise<WebhookAnswer>;

/** The receiver's name leads to an address that is not of the public internet. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused';
  readonly code = 'ERR_ADDRESS_REFUSED';
}

export interface WebhookClient {
  readonly post: PostWebhook;
  close(): Promise<void>;
}

export interface WebhookClientOptions {
  /** Also to private, loopback and link-local addresses. */
  readonly allowPrivate: boolean;
  /** How names become addresses: the system's resolver, but for tests. */
  readonly resolve?: Resolve;
}

/** All addresses of a name. */
export type Resolve = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** Bytes of an answer that are read, as a connection is worth keeping; nobody looks at them. */
const READ_BYTES = 65_536;

/** HTTP for webhooks, apart from that for providers: whoever names the URL is not the operator. */
export function webhookClient({ allowPrivate, resolve = system }: WebhookClientOptions): WebhookClient {
  const agent = new Agent({ connect: { lookup: checked(resolve, allowPrivate) } });
  return {
    async post({ url, headers, body, timeoutMs }) {
      const { origin, hostname, pathname, search } = new URL(url);
      // An address is not looked up.
      const bare = hostname.replace(/^\[(.*)\]$/, '$1');
      if (isIP(bare) !== 0 && !allowPrivate && !isPublicAddress(bare)) throw new AddressRefused();
      const signal = AbortSignal.timeout(timeoutMs);
      const path = `${pathname}${search}`;
      const answer = await agent.request({ origin, path, method: 'POST', headers, body, signal });
      // Its status is what counts, whatever becomes of the rest.
      await answer.body.dump({ limit: READ_BYTES, signal }).catch(() => answer.body.destroy());
      const { 'retry-after': retryAfter } = answer.headers;
      return {
        status: answer.statusCode,
        headers: new Headers(typeof retryAfter === 'string' ? { 'retry-after': retryAfter } : {}),
      };
    },
    close: () => agent.destroy(),
  };
}

/**
 * The connection goes to an address that has been looked at: what a name leads to when it is asked a second time does not
 * matter. A name with both kinds of addresses is refused, as no honest receiver has one.
 */
function checked(resolve: Resolve, allowPrivate: boolean): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, (error, addresses) => {
      const [first] = addresses;
      if (error !== null || first === undefined) return callback(error ?? new AddressRefused(), '', 0);
      if (!allowPrivate && !addresses.every(({ address }) => isPublicAddress(address))) {
        return callback(new AddressRefused(), '', 0);
      }
      if (options.all === true) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  };
}

const system: Resolve = (hostname, callback) => {
  lookup(hostname, { all: true }, (error, addresses) => callback(error, addresses ?? []));
};
