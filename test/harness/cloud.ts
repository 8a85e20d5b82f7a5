import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { createBackground } from '../../lib/background.ts';
import { systemClock } from '../../lib/clock.ts';
import { readConfig } from '../../lib/config.ts';
import { createEdgeGateway } from '../../lib/edge.ts';
import { nodeNetwork } from '../../lib/node-network.ts';
import { rewrites } from '../../lib/router.ts';
import { upstashTransport } from '../../lib/store/upstash.ts';
import { sign } from '../fakes/qstash/sign.ts';
import { type QStash, startQStash } from '../fakes/qstash.ts';
import { type RedisRest, startRedisRest } from '../fakes/redis-rest.ts';
import { type RedisServer, startRedisServer } from '../fakes/redis-server.ts';
import { backendVariables } from '../fakes/variables.ts';
import { serveDoor } from './door.ts';
import { type GatewayOptions, noted, type RunningGateway } from './gateway.ts';
import { destinationOf } from './platform-router.ts';

/** Short, as on one machine, so that the scenarios need not wait for a lost worker or a cancellation. */
const LEASE_MS = 5_000;
/** For running attempts to be given back. */
const GRACE_MS = 2_000;
const EDGE = '/api/gateway';
const HURRIES_MS = [0, 50, 200, 1_000];

interface Backend {
  readonly server: RedisServer;
  readonly redis: RedisRest;
  readonly qstash: QStash;
  /** Where QStash finds the gateway, also the next one on this backend. */
  port: number;
}

/** What a gateway of {@link startCloudGateway} stands on, by its `data`. */
export function backendOf(data: string): Pick<Backend, 'redis' | 'qstash'> {
  const backend = backends.get(data);
  if (backend === undefined) throw new Error('no such gateway');
  return backend;
}

const backends = new Map<string, Backend>();

async function startBackend(): Promise<Backend> {
  const server = await startRedisServer();
  return { server, redis: await startRedisRest({ socket: server.socket }), qstash: await startQStash(), port: 0 };
}

async function stopBackend({ server, redis, qstash }: Backend): Promise<void> {
  await qstash.stop();
  await redis.stop();
  await server.stop();
}

export interface CloudGatewayOptions extends GatewayOptions {
  readonly leaseMs?: number;
  /** Where the platform's router brings a request; without it as vercel.json says. */
  readonly route?: (path: string, headers: Headers) => string | null;
  /** What the platform answers by itself, in place of a function. */
  readonly platform?: (request: Request) => Response | null;
  /** Milliseconds that the platform gives the edge to its first byte. */
  readonly firstByte?: number;
  /** Milliseconds that the platform lets the edge run. */
  readonly edgeLimit?: number;
}

/**
 * The gateway as on Vercel, on Redis and QStash: the edge function and the Node functions behind the platform's router, a
 * real redis-server behind Upstash's protocol, and QStash's stand-in.
 */
export async function startCloudGateway(options: CloudGatewayOptions = {}): Promise<RunningGateway> {
  const data = options.data ?? randomUUID();
  const backend = backends.get(data) ?? (await startBackend());
  backends.set(data, backend);
  const { redis, qstash } = backend;
  const route = options.route ?? ((path, headers) => destinationOf(rewrites(), path, headers));
  const door = await serveDoor((request) => {
    const answered = options.platform?.(request) ?? null;
    if (answered !== null) return answered;
    const destination = route(new URL(request.url).pathname, request.headers);
    return destination === EDGE ? edge.fetch(request) : gateway.fetch(request);
  }, backend.port);
  backend.port = door.port;
  const config = readConfig({
    LOG_LEVEL: 'DEBUG',
    GATEWAY_SECRET: 'a secret of the tests, long enough to be one',
    PUBLIC_BASE_URL: door.url,
    ...backendVariables(redis, qstash),
    ...options.env,
  });
  const { log, lines } = noted(config);
  const network = nodeNetwork(config);
  const shutdown = new AbortController();
  const { clock, firstByte, edgeLimit } = options;
  const edge = createEdgeGateway(config, log, {
    ...(clock ? { clock } : {}),
    ...(firstByte ? { firstByte } : {}),
    ...(edgeLimit ? { functionLimit: edgeLimit } : {}),
  });
  const gateway = createBackground(config, log, {
    ...network,
    clock: options.clock ?? systemClock,
    ...(edgeLimit ? { edgeLimit } : {}),
    leaseMs: options.leaseMs ?? LEASE_MS,
    shutdown: shutdown.signal,
  });
  const timers = new Set<NodeJS.Timeout>();
  // Their clock is not ours: what waits there is delivered when ours is put forward, also what begins to wait just then.
  options.clock?.onAdvance?.(() => {
    for (const ms of HURRIES_MS) timers.add(setTimeout(() => qstash.hurry(), ms));
  });
  const script = (lua: string, ...args: string[]) => upstashTransport(redis).run(lua, [], args);
  return {
    url: door.url,
    config,
    data,
    lines,
    async stored() {
      const reply = await script(DUMP);
      if (!Array.isArray(reply)) throw new Error('no list of keys');
      const keys = reply.map(
        (entry: unknown) => [`key ${String(entry).slice(0, 60)}`, Buffer.from(String(entry))] as const,
      );
      const messages = qstash.messages.map((message) => {
        const text = JSON.stringify([message.source.headers, message.headers, message.url]);
        return [`message ${message.id}`, Buffer.concat([message.body, Buffer.from(text)])] as const;
      });
      return new Map([...keys, ...messages]);
    },
    deliveryOf(path, id, generation) {
      const body = JSON.stringify({ job: id, generation });
      return path.endsWith('/failed') ? JSON.stringify({ sourceBody: btoa(body), status: 500 }) : body;
    },
    async signed(path, body, { key = qstash.keys().current, skewS = 0 } = {}) {
      return { 'upstash-signature': sign(`${door.url}${path}`, Buffer.from(body), key, skewS) };
    },
    hasCredential: async (id) => (await script(HAS_CREDENTIAL, `gateway:{${id}}:job`)) === 1,
    chunks: async (id) => Number(await script(CHUNKS, `gateway:{${id}}:body`, `gateway:{${id}}:result`)),
    async stop({ keepData = false } = {}) {
      for (const timer of timers) clearTimeout(timer);
      shutdown.abort();
      // The worker gives back what it runs: that must still find its store.
      await door.stop(GRACE_MS);
      if (!keepData) {
        backends.delete(data);
        await stopBackend(backend);
      }
      await network.close();
      // The next gateway has the same port: a client in this process must have seen these connections end.
      if (keepData) await wait(50);
    },
  };
}

const HAS_CREDENTIAL = `return redis.call('HEXISTS', ARGV[1], 'credential')`;
const CHUNKS = `return redis.call('HLEN', ARGV[1]) + redis.call('HLEN', ARGV[2])`;
/** Each key with its whole value, as text: bytes are base64, so what lies in clear is seen. */
const DUMP = `
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  local value
  if kind == 'hash' then value = redis.call('HGETALL', key)
  elseif kind == 'zset' then value = redis.call('ZRANGE', key, 0, -1)
  else value = {redis.call('GET', key)} end
  table.insert(found, key .. ' ' .. table.concat(value, ' '))
end
return found`;
