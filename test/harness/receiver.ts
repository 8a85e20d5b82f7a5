import { Webhook } from 'standardwebhooks';
import { expect, vi } from 'vitest';
import * as z from 'zod';
import { type Handler, type Received, startUpstream } from './upstream.ts';

export const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/** What a gateway needs to call receivers of the tests. */
export const WEBHOOK_ENV = { WEBHOOK_SECRET, ALLOW_INSECURE_WEBHOOKS: 'true', ALLOW_PRIVATE_WEBHOOKS: 'true' };

const event = z.strictObject({
  id: z.string().regex(/^evt_[\w-]{24}_\d+$/),
  object: z.literal('event'),
  type: z.enum(['job.completed', 'job.failed', 'job.cancelled', 'job.expired']),
  created_at: z.int(),
  data: z.strictObject({
    id: z.string(),
    status: z.string(),
    urls: z.strictObject({ get: z.url(), result: z.url(), stream: z.url() }),
  }),
});

/** A receiver of webhooks: each delivery is checked by the library that receivers use, as it was received. */
export async function startReceiver() {
  const answers = new Map<string, Handler[]>();
  const server = await startUpstream((request, response, message) => {
    const own = answers.get(request.url) ?? [];
    const answer = own.length > 1 ? own.shift() : own[0];
    return answer === undefined ? void response.writeHead(204).end() : answer(request, response, message);
  });
  const deliveries = (path: string) => server.received.filter(({ url }) => url === path);
  const verified = (delivery: Received) => {
    const headers = Object.fromEntries(Object.entries(delivery.headers).map(([name, value]) => [name, String(value)]));
    return event.parse(new Webhook(WEBHOOK_SECRET).verify(delivery.body.toString(), headers));
  };
  return {
    url: (path: string) => `${server.url}${path}`,
    on(path: string, ...handlers: readonly Handler[]) {
      answers.set(path, [...handlers]);
      return `${server.url}${path}`;
    },
    deliveries,
    /** The events of that path's deliveries, once there are `count`. */
    async events(path: string, count: number) {
      await vi.waitFor(() => expect(deliveries(path)).toHaveLength(count), { timeout: 10_000 });
      return deliveries(path).map(verified);
    },
    stop: () => server.stop(),
  };
}

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;

export const status =
  (code: number, headers: Record<string, string> = {}): Handler =>
  (_request, response) =>
    void response.writeHead(code, headers).end();
