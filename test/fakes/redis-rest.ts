import { randomUUID } from 'node:crypto';
import { Faults, type RequestFault, suffer } from './faults.ts';
import { type Asked, type JsonAnswer, type Outcome, refusal, serve } from './http.ts';
import { nameOf, type Parsed, parseCommands } from './redis-rest/commands.ts';
import { connectRedis, encodeReply, type Redis, type Reply } from './redis-rest/redis.ts';

/** The vendor's limit on every plan; whether it counts in powers of two is not said, so the smaller one. */
const MAX_REQUEST_BYTES = 10_000_000;
const PATHS = ['/', '/pipeline', '/multi-exec'];

/** A request that a fault may strike. */
export interface RestRequest {
  readonly path: string;
  /** Names of its commands, in upper case. */
  readonly commands: readonly string[];
}

export interface RedisRest {
  readonly url: string;
  readonly token: string;
  readonly faults: Faults<RequestFault, RestRequest>;
  /** Commands that have reached Redis since the last `reset`, as they are billed: of that name, or all. */
  count(name?: string): number;
  /** Requests that were let in since the last `reset`. */
  requests(): number;
  /** Bytes of the longest of them. */
  longest(): number;
  reset(): void;
  /** Empties the database; not counted. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

export interface RedisRestOptions {
  /** Unix socket of the real server behind. */
  readonly socket: string;
  readonly token?: string;
  readonly seed?: number;
  readonly maxRequestBytes?: number;
}

/** A real Redis behind the HTTP protocol that @upstash/redis speaks. */
export async function startRedisRest(options: RedisRestOptions): Promise<RedisRest> {
  const { socket, token = 'rest-token', seed, maxRequestBytes = MAX_REQUEST_BYTES } = options;
  const redis = await connectRedis(socket);
  const faults = new Faults<RequestFault, RestRequest>(seed);
  const counts = new Map<string, number>();
  let requests = 0;
  let longest = 0;

  const handle = async (asked: Asked): Promise<Outcome> => {
    if (asked.headers.authorization !== `Bearer ${token}`) {
      return refusal(401, 'WRONGPASS invalid or missing auth token');
    }
    if (asked.method !== 'POST') return refusal(405, 'ERR only POST is spoken here');
    if (!PATHS.includes(asked.path)) return refusal(404, `ERR no such endpoint: ${asked.path}`);
    requests += 1;
    longest = Math.max(longest, asked.body.length);
    const commands = parseCommands(asked.path, asked.body);
    const names = (commands ?? []).map((command) => ('args' in command ? nameOf(command) : '?'));
    return suffer(faults.take({ path: asked.path, commands: names }), asked, async () => {
      if (asked.body.length > maxRequestBytes) {
        const limit = `Limit: ${maxRequestBytes} bytes, Actual: ${asked.body.length} bytes`;
        return refusal(400, `ERR max request size exceeded. ${limit}`);
      }
      if (commands === null) return refusal(400, 'ERR failed to parse pipeline request');
      const counted = asked.path === '/multi-exec' && commands.some((command) => 'error' in command) ? [] : commands;
      for (const command of counted) {
        if ('args' in command) counts.set(nameOf(command), (counts.get(nameOf(command)) ?? 0) + 1);
      }
      const answer = await execute(redis, asked, commands);
      return { ...answer, headers: { 'upstash-sync-token': syncToken(asked) } };
    });
  };

  const served = await serve(handle);
  return {
    url: served.url,
    token,
    faults,
    count: (name) => (name === undefined ? sum(counts.values()) : (counts.get(name.toUpperCase()) ?? 0)),
    requests: () => requests,
    longest: () => longest,
    reset() {
      counts.clear();
      requests = 0;
      longest = 0;
    },
    async flush() {
      await redis.pipeline([['FLUSHALL']]);
    },
    async stop() {
      await served.stop();
      redis.close();
    },
  };
}

async function execute(redis: Redis, asked: Asked, commands: readonly Parsed[]): Promise<JsonAnswer> {
  const base64 = asked.headers['upstash-encoding'] === 'base64';
  const encoded = (reply: Reply) => ('error' in reply ? reply : { result: encodeReply(reply.result, base64) });
  const valid = commands.flatMap((command) => ('args' in command ? [command.args] : []));

  if (asked.path === '/multi-exec') {
    const bad = commands.find((command) => 'error' in command);
    const replies = bad ?? (await redis.transaction(valid));
    if (!Array.isArray(replies)) return refusal(400, 'error' in replies ? replies.error : 'ERR discarded');
    return { status: 200, body: replies.map(encoded) };
  }

  const replies = await redis.pipeline(valid);
  let next = 0;
  const inOrder = commands.map((command) => ('error' in command ? command : encoded(replies[next++] ?? LOST)));
  if (asked.path === '/pipeline') return { status: 200, body: inOrder };
  const [only = LOST] = inOrder;
  return { status: 'error' in only ? 400 : 200, body: only };
}

const LOST: Reply = { error: 'ERR no reply' };

/** Sent back as it came: one server has no replicas that could lag behind. */
function syncToken({ headers }: Asked): string {
  const sent = headers['upstash-sync-token'];
  return typeof sent === 'string' && sent !== '' ? sent : randomUUID();
}

function sum(values: Iterable<number>): number {
  return Array.from(values).reduce((total, value) => total + value, 0);
}
