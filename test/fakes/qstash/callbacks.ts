import type { Attempt } from './courier.ts';
import { listed, type Source } from './message.ts';
import type { Reply } from './retry.ts';

export type CallbackKind = 'callback' | 'failure-callback';

/** The message that tells of an attempt, or of the failure of it all; `null` when none was asked for. */
export function callbackOf(
  kind: CallbackKind,
  { message, retried }: Attempt,
  reply: Reply,
  options: { readonly maxBytes: number; readonly dlqId?: string },
): Source | null {
  const destination = kind === 'callback' ? message.callback : message.failureCallback;
  if (destination === null) return null;
  const body = {
    status: reply.status,
    header: listed(reply.headers),
    body: reply.body.subarray(0, options.maxBytes).toString('base64'),
    retried,
    maxRetries: message.retries,
    dlqId: options.dlqId,
    sourceMessageId: message.id,
    url: message.url,
    method: message.method,
    sourceHeader: listed(message.headers),
    sourceBody: message.body.toString('base64'),
    notBefore: message.notBefore,
    createdAt: message.createdAt,
    scheduleId: message.source.scheduleId,
    callerIP: '127.0.0.1',
  };
  // `Upstash-Callback-Retries: 1` is to the callback what `Upstash-Retries: 1` is to the message.
  const prefix = `upstash-${kind}-`;
  const settings = Object.entries(message.source.headers)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => [`upstash-${name.slice(prefix.length)}`, value]);
  const headers = { 'content-type': 'application/json', ...Object.fromEntries(settings) };
  return { destination, headers, body: Buffer.from(JSON.stringify(body)) };
}
