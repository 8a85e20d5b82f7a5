import type { Config } from './config.ts';
import type { Transport } from './upstream/transport.ts';
import { undiciTransport } from './upstream/undici.ts';
import { type PostWebhook, webhookClient } from './webhook/post.ts';

/** How the gateway reaches others from Node. */
export interface Network {
  /** To providers. */
  readonly transport: Transport;
  /** To receivers of webhooks. */
  readonly postWebhook: PostWebhook;
}

export function nodeNetwork(config: Config): Network & { close(): Promise<void> } {
  const { transport, close } = undiciTransport();
  const webhooks = webhookClient({ allowPrivate: config.allowPrivateWebhooks });
  return {
    transport,
    postWebhook: webhooks.post,
    async close() {
      await Promise.all([close(), webhooks.close()]);
    },
  };
}
