import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { createCloudGateway } from '../../lib/cloud.ts';
import { readConfig } from '../../lib/config.ts';
import { createLog } from '../../lib/log.ts';
import { nodeNetwork } from '../../lib/node-network.ts';
import { upstashTransport } from '../../lib/store/upstash.ts';
import { type QStash, startQStash } from '../fakes/qstash.ts';
import { type RedisRest, startRedisRest } from '../fakes/redis-rest.ts';
import { type RedisServer, startRedisServer } from '../fakes/redis-server.ts';
import { backendVariables } from '../fakes/variables.ts';
import { startProcess } from '../harness/child.ts';
import { serveDoor } from '../harness/door.ts';
import { freePort, type Ground, LEASE_MS } from './ground.ts';

export interface CloudGround extends Ground {
  readonly server: RedisServer;
  readonly redis: RedisRest;
  readonly qstash: QStash;
}

export interface CloudGroundOptions {
  readonly seed: number;
  /** Whether Redis writes to its disk before it answers, so that what it acknowledged is there after its end. */
  readonly persist?: boolean;
  readonly leaseMs?: number;
}

/** For what is given back to find its store. */
const GRACE_MS = 2_000;

/** A real redis-server behind Upstash's protocol and the stand-in for QStash, both living on while gateways come and go. */
export async function cloudGround({
  seed,
  persist = false,
  leaseMs = LEASE_MS,
}: CloudGroundOptions): Promise<CloudGround> {
  const server = await startRedisServer({ persist });
  const redis = await startRedisRest({ socket: server.socket, seed });
  const qstash = await startQStash({ seed });
  const temporary = await mkdtemp(join(tmpdir(), 'drill-'));
  const port = await freePort();
  const own = {
    GATEWAY_SECRET: 'a secret of the drills, long enough to be one',
    PUBLIC_BASE_URL: `http://127.0.0.1:${port}`,
    PORT: String(port),
    ...backendVariables(redis, qstash),
    LOG_LEVEL: 'ERROR',
  };
  return {
    composition: 'cloud',
    server,
    redis,
    qstash,
    launch: (env) =>
      startProcess(
        { TMPDIR: temporary, ...own, ...env, DRILL_LEASE_MS: String(leaseMs) },
        'node',
        'test/drill/cloud-child.ts',
      ),
    async host(env, clock) {
      const config = readConfig({ ...own, ...env });
      const log = createLog({ level: config.logLevel, format: config.logFormat, write: () => undefined });
      const network = nodeNetwork(config);
      const shutdown = new AbortController();
      const gateway = createCloudGateway(config, log, { ...network, clock, leaseMs, shutdown: shutdown.signal });
      const door = await serveDoor(gateway.fetch, port);
      return {
        url: door.url,
        async stop() {
          shutdown.abort();
          await door.stop(GRACE_MS);
          await network.close();
        },
      };
    },
    messages: () => qstash.pending().length,
    hurry: () => qstash.hurry(),
    async leftovers() {
      const reply = await upstashTransport(redis).run(LEFTOVERS, [], []);
      const files = await readdir(temporary);
      return [...z.array(z.string()).parse(reply), ...files.map((name) => `the temporary file ${name}`)];
    },
    async stop() {
      await qstash.stop();
      await redis.stop();
      await server.stop();
      await rm(temporary, { recursive: true });
    },
  };
}

/** What must not be there once every job has ended, a line for each kind. */
const LEFTOVERS = `
local found = {}
local function tell(count, what) if count > 0 then table.insert(found, count .. ' ' .. what) end end
tell(redis.call('ZCARD', 'gateway:due'), 'jobs that somebody should still look at')
tell(redis.call('ZCARD', 'gateway:status:queued'), 'queued jobs')
tell(redis.call('ZCARD', 'gateway:status:in_progress'), 'jobs in progress')
tell(redis.call('ZCARD', 'gateway:orphans'), 'bodies without a job')
local bodies, results, earlier, credentials, unfinished, eternal = 0, 0, 0, 0, 0, 0
for _, name in ipairs(redis.call('KEYS', 'gateway:{*')) do
  local tag, part = string.match(name, '^(gateway:{.*}:)(%w+)$')
  if redis.call('PTTL', name) < 0 then eternal = eternal + 1 end
  if part == 'job' then
    local state = cjson.decode(redis.call('HGET', name, 'state'))
    if state.status == 'queued' or state.status == 'in_progress' then unfinished = unfinished + 1 end
    credentials = credentials + redis.call('HEXISTS', name, 'credential')
    if state.status == 'completed' then bodies = bodies + redis.call('EXISTS', tag .. 'body') end
    for _, chunk in ipairs(redis.call('HKEYS', tag .. 'result')) do
      if string.match(chunk, '^%d+') ~= tostring(state.attempts) then earlier = earlier + 1 end
    end
  elseif (part == 'body' or part == 'result') and redis.call('EXISTS', tag .. 'job') == 0 then
    results = results + 1
  end
end
tell(unfinished, 'unfinished jobs')
tell(credentials, 'credentials of ended jobs')
tell(bodies, 'bodies of completed jobs')
tell(results, 'bodies or results without a job')
tell(earlier, 'chunks of earlier attempts')
tell(eternal, 'keys of jobs that never expire')
return found`;
