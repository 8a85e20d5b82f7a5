import { Webhook, WebhookVerificationError } from 'standardwebhooks';
import { type Payload, readPayload, writePayload } from './payload.ts';
import type { Received } from './queue.ts';

/**
 * Deliveries of the embedded queue, signed as Standard Webhooks (https://www.standardwebhooks.com): valid for five
 * minutes, over the exact bytes, and for one door, as QStash's are. The one machine so goes through the same door check
 * as the cloud.
 */
export class DeliverySigner {
  readonly #webhook: Webhook;

  /** `secret`: base64, at least 24 bytes. */
  constructor(secret: string) {
    this.#webhook = new Webhook(secret);
  }

  sign(url: string, payload: Payload, messageId: string): Request {
    const body = writePayload(payload);
    const now = new Date();
    return new Request(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'webhook-id': messageId,
        'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
        'webhook-signature': this.#webhook.sign(atDoor(url, messageId), now, body),
      },
      body,
    });
  }

  async receive(request: Request): Promise<Received> {
    const body = await request.text();
    const headers = Object.fromEntries(request.headers);
    const id = headers['webhook-id'] ?? '';
    try {
      this.#webhook.verify(body, { ...headers, 'webhook-id': atDoor(request.url, id) }, { jsonParse: false });
    } catch (error) {
      if (error instanceof WebhookVerificationError) return { kind: 'unauthorized' };
      throw error;
    }
    const payload = readPayload(body);
    if (payload === null) return { kind: 'malformed' };
    // This queue gives nothing up by itself; who holds its key may say so all the same.
    return new URL(request.url).pathname.endsWith('/failed')
      ? { kind: 'given_up', ...payload, status: null }
      : { kind: 'delivery', ...payload };
  }
}

/** What is signed in place of the message's id: with it, the path that it is for. */
function atDoor(url: string, messageId: string): string {
  return `${new URL(url).pathname} ${messageId}`;
}
