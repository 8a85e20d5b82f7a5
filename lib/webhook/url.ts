import type { Config } from '../config.ts';
import { isPublicAddress } from './address.ts';

/** Longest URL of a webhook, in characters. */
const MAX_LENGTH = 2_048;

/** Names that never lead out: RFC 6761 sections 6.3 and 6.4, RFC 8375, and what clouds and machines call themselves. */
const LOCAL_NAME = /(^|\.)(localhost|local|internal|home\.arpa|localdomain)$/;

export type WebhookSettings = Pick<Config, 'webhookSecret' | 'allowInsecureWebhooks' | 'allowPrivateWebhooks'>;

/**
 * Why a webhook cannot be called at this URL, after its name; `null` where it can. Where its host's name leads is only
 * known when it is called: see `post.ts`.
 */
export function refusalOf(text: string, settings: WebhookSettings): string | null {
  if (settings.webhookSecret === null) return 'needs WEBHOOK_SECRET, which this gateway does not have';
  if (text.length > MAX_LENGTH || !URL.canParse(text)) return `must be a URL of at most ${MAX_LENGTH} characters`;
  const { protocol, hostname, username, password } = new URL(text);
  if (protocol !== 'https:' && !(protocol === 'http:' && settings.allowInsecureWebhooks)) return 'must be an https URL';
  if (username !== '' || password !== '') return 'must not carry a user or a password';
  return settings.allowPrivateWebhooks || isPublicHost(hostname) ? null : 'must lead to a public host';
}

function isPublicHost(hostname: string): boolean {
  const bare = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  const isAddress = bare.includes(':') || /^[\d.]+$/.test(bare);
  if (isAddress) return isPublicAddress(bare);
  return bare.includes('.') && !LOCAL_NAME.test(bare);
}
