import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Environment } from '../../lib/config.ts';
import { startQStash } from '../fakes/qstash.ts';
import { startRedisRest } from '../fakes/redis-rest.ts';
import { describeRedis, startRedisServer } from '../fakes/redis-server.ts';
import { Caller, jobIn } from '../harness/client.ts';
import { freePort } from '../vercel/cli.ts';

const SCRIPT = join(import.meta.dirname, '../dev-cloud.ts');

describeRedis('npm run dev:cloud', () => {
  let cwd: string;
  beforeAll(async () => {
    // Not where a developer's own .env may be.
    cwd = await mkdtemp(join(tmpdir(), 'dev-cloud-'));
  });
  afterAll(() => rm(cwd, { recursive: true, force: true }));

  function run(environment: Environment) {
    const { PATH } = process.env;
    const child = spawn(process.execPath, [SCRIPT], { cwd, env: { PATH, ...environment } });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
    const closed = once(child, 'close').then(([code]) => code);
    const up = new Promise<void>((resolve) => child.stdout.on('data', () => output.includes(' is up ') && resolve()));
    return { child, closed, up, output: () => output };
  }

  it('runs a job on stand-ins, also where a deployment’s address is set, and leaves nothing behind', async () => {
    const port = await freePort();
    const { child, closed, up, output } = run({ PORT: String(port), PUBLIC_BASE_URL: 'https://deployed.example' });
    await Promise.race([up, closed]);
    expect(output()).toContain('with stand-ins');
    const caller = new Caller(`http://127.0.0.1:${port}`, { authorization: 'Bearer sk-test' });
    const chat = { model: 'demo-echo', messages: [{ role: 'user', content: 'Hello' }] };
    const accepted = await caller.post('/gateway/demo/v1/chat/completions', chat, { prefer: 'respond-async' });
    const { id } = await jobIn(accepted);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 1 });
    child.kill('SIGTERM');
    expect(await closed).toBe(0);
  });

  it('uses the real ones where their variables are set', async () => {
    const server = await startRedisServer();
    const redis = await startRedisRest({ socket: server.socket });
    const qstash = await startQStash();
    const port = await freePort();
    const { current, next } = qstash.keys();
    const { child, closed, up, output } = run({
      PORT: String(port),
      PUBLIC_BASE_URL: `http://127.0.0.1:${port}`,
      GATEWAY_SECRET: 'a secret of the tests, long enough to be one',
      UPSTASH_REDIS_REST_URL: redis.url,
      UPSTASH_REDIS_REST_TOKEN: redis.token,
      QSTASH_URL: qstash.url,
      QSTASH_TOKEN: qstash.token,
      QSTASH_CURRENT_SIGNING_KEY: current,
      QSTASH_NEXT_SIGNING_KEY: next,
    });
    await Promise.race([up, closed]);
    expect(output()).not.toContain('stand-ins');
    const caller = new Caller(`http://127.0.0.1:${port}`, { authorization: 'Bearer sk-test' });
    const { id } = await jobIn(await caller.post('/api/jobs', { service: 'demo', path: '/v1/models', method: 'GET' }));
    expect(await caller.ended(id)).toMatchObject({ status: 'completed' });
    expect([redis.count() > 0, qstash.messages.length]).toEqual([true, 1]);
    child.kill('SIGTERM');
    expect(await closed).toBe(0);
    await qstash.stop();
    await redis.stop();
    await server.stop();
  });

  it.each<[string, Environment, RegExp]>([
    ['half of Redis', { UPSTASH_REDIS_REST_URL: 'https://redis.example' }, /^UPSTASH_REDIS_REST_TOKEN: must be set/],
    [
      'Redis without QStash',
      { UPSTASH_REDIS_REST_URL: 'https://redis.example', UPSTASH_REDIS_REST_TOKEN: 'token' },
      /^QSTASH_TOKEN, /,
    ],
    ['QStash’s address alone', { QSTASH_URL: 'https://qstash.example' }, /^UPSTASH_REDIS_REST_URL, .*\nQSTASH_TOKEN, /],
  ])('%s: says what is missing, and starts nothing', async (_what, environment, said) => {
    const { closed, output } = run(environment);
    expect(await closed).toBe(1);
    expect(output()).toMatch(said);
  });
});
