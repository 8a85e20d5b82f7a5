import { createClient, ErrorReply, RESP_TYPES } from '@redis/client';

/** Bulk strings are bytes: what is no UTF-8 must come through. */
const BINARY = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };
const RECONNECT_MS = 10;

/** What a command has led to: a reply, or the error that Redis has answered. */
export type Reply = { readonly result: unknown } | { readonly error: string };

export interface Redis {
  /** In order, but not as one: commands of other callers may come between. */
  pipeline(commands: readonly (readonly string[])[]): Promise<Reply[]>;
  /** As one; `error` when Redis has discarded all of it. */
  transaction(commands: readonly (readonly string[])[]): Promise<Reply[] | { readonly error: string }>;
  close(): void;
}

/** One connection to a real Redis; it comes back by itself when the server does. */
export async function connectRedis(socket: string): Promise<Redis> {
  const client = createClient({
    RESP: 2,
    socket: { path: socket, tls: false, reconnectStrategy: () => RECONNECT_MS },
    // Fail what is asked while there is no server: a transaction may not be sent in halves.
    disableOfflineQueue: true,
  });
  // Each command that suffers is rejected with its reason; without a listener the process would end.
  client.on('error', () => undefined);
  await client.connect();
  const send = (args: readonly string[]) => client.sendCommand<unknown>(args, BINARY).then(asResult, asError);
  return {
    pipeline: (commands) => Promise.all(commands.map(send)),
    async transaction(commands) {
      // All in one go, so that nothing comes between; `client.multi()` would decode the replies as text.
      const replies = await Promise.all([['MULTI'], ...commands, ['EXEC']].map(send));
      const executed = replies.at(-1);
      if (executed === undefined || 'error' in executed) return executed ?? { error: 'ERR empty transaction' };
      if (!Array.isArray(executed.result)) throw new Error('EXEC has not answered a list');
      return executed.result.map((result) => (result instanceof ErrorReply ? { error: result.message } : { result }));
    },
    close() {
      if (client.isOpen) client.destroy();
    },
  };
}

function asResult(result: unknown): Reply {
  return { result };
}

function asError(error: unknown): Reply {
  if (error instanceof ErrorReply) return { error: error.message };
  // No server behind: not an answer of Redis.
  throw error;
}

/** The reply as JSON, its strings as base64 where that was asked for; the status `OK` alone stays as it is. */
export function encodeReply(reply: unknown, base64: boolean): unknown {
  if (Array.isArray(reply)) return reply.map((part) => encodeReply(part, base64));
  if (Buffer.isBuffer(reply)) return reply.toString(base64 ? 'base64' : 'utf8');
  if (reply instanceof ErrorReply) return encodeReply(reply.message, base64);
  if (typeof reply !== 'string' || reply === 'OK' || !base64) return reply;
  return Buffer.from(reply).toString('base64');
}
