import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Environment } from '../../lib/config.ts';
import { describeRedis } from '../fakes/redis-server.ts';
import { backendOf, startCloudGateway } from '../harness/cloud.ts';
import type { RunningGateway } from '../harness/gateway.ts';
import { startUpstream } from '../harness/upstream.ts';

const SCRIPT = join(import.meta.dirname, '../../lib/setup-cloud.ts');
const SECRETS = { GATEWAY_SECRET: 'a secret of the tests, long enough to be one' };
const BYPASS = 'bypass-of-the-tests';

describeRedis('npm run setup:cloud', () => {
  let gateway: RunningGateway;
  let backend: ReturnType<typeof backendOf>;
  let right: Environment;
  beforeAll(async () => {
    gateway = await startCloudGateway();
    backend = backendOf(gateway.data);
    const { current, next } = backend.qstash.keys();
    right = {
      ...SECRETS,
      PUBLIC_BASE_URL: gateway.url,
      UPSTASH_REDIS_REST_URL: backend.redis.url,
      UPSTASH_REDIS_REST_TOKEN: backend.redis.token,
      QSTASH_URL: backend.qstash.url,
      QSTASH_TOKEN: backend.qstash.token,
      QSTASH_CURRENT_SIGNING_KEY: current,
      QSTASH_NEXT_SIGNING_KEY: next,
      VERCEL_AUTOMATION_BYPASS_SECRET: BYPASS,
    };
  });
  afterAll(() => gateway.stop());
  afterEach(async () => {
    for (const { scheduleId } of await schedules()) await api('DELETE', `/${scheduleId}`);
  });

  const api = (method: string, path = '', headers = {}) =>
    fetch(`${backend.qstash.url}/v2/schedules${path}`, {
      method,
      headers: { authorization: `Bearer ${backend.qstash.token}`, ...headers },
    });
  const schedules = async (): Promise<Record<string, string>[]> => JSON.parse(await (await api('GET')).text());

  async function run(change: Environment = {}, ...args: string[]) {
    const { PATH } = process.env;
    const env = Object.fromEntries(
      Object.entries({ PATH, ...right, ...change }).filter(([, value]) => value !== undefined),
    );
    // Not where a developer's own .env may be.
    const child = spawn(process.execPath, [SCRIPT, ...args], { cwd: tmpdir(), env });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
    const [code] = await once(child, 'close');
    for (const [name, value] of Object.entries(env)) {
      if (name !== 'PATH' && value !== '') expect(output, `the value of ${name} is printed`).not.toContain(value);
    }
    return { code, output };
  }

  it('checks everything, and makes the schedule, which reaches the door of the sweep', async () => {
    const { code, output } = await run();
    expect(output).not.toMatch(/^wrong/m);
    expect(code).toBe(0);
    for (const name of Object.keys(right).filter((one) => !/SECRET|QSTASH_URL/.test(one)))
      expect(output).toContain(name);
    const [schedule, ...others] = await schedules();
    expect(others).toEqual([]);
    expect(output).toMatch(/^ok +QSTASH_RETRIES, FUNCTION_LIMIT/m);
    expect(backend.qstash.pending(), 'the rehearsal is taken back').toEqual([]);
    expect(schedule).toMatchObject({ cron: '*/5 * * * *', destination: `${gateway.url}/api/worker/sweep`, retries: 0 });
    const messageId = backend.qstash.fire(schedule?.['scheduleId'] ?? '');
    const delivery = await vi.waitFor(() => {
      const found = backend.qstash.deliveries.find((one) => one.messageId === messageId && (one.status ?? 0) > 0);
      expect(found).toBeDefined();
      return found;
    });
    expect(delivery).toMatchObject({ status: 200, headers: { 'x-vercel-protection-bypass': BYPASS } });
  });

  it('may be run again: the same schedule, changed', async () => {
    await run();
    const [before] = await schedules();
    const again = await run({}, '0 * * * *');
    expect(again.code).toBe(0);
    expect(again.output).toContain('updated, 0 * * * *');
    const [after, ...others] = await schedules();
    expect(others).toEqual([]);
    expect(after).toMatchObject({ scheduleId: before?.['scheduleId'], cron: '0 * * * *' });
  });

  it('knows Redis by the other names too, and does without a bypass', async () => {
    const { code, output } = await run({
      VERCEL_AUTOMATION_BYPASS_SECRET: undefined,
      UPSTASH_REDIS_REST_URL: undefined,
      UPSTASH_REDIS_REST_TOKEN: undefined,
      KV_REST_API_URL: backend.redis.url,
      KV_REST_API_TOKEN: backend.redis.token,
    });
    expect([code, output]).toEqual([0, expect.stringContaining('KV_REST_API_URL')]);
  });

  it('leaves the schedule of another gateway alone, and names it', async () => {
    const headers = { 'upstash-cron': '*/5 * * * *', 'upstash-schedule-id': 'gateway-sweep-another' };
    await api('POST', '/https://another.example/api/worker/sweep', headers);
    const { code, output } = await run();
    expect(code).toBe(0);
    expect(await schedules()).toHaveLength(2);
    expect(output).toContain('gateway-sweep-another');
  });

  describe('finds what is wrong, by name, and makes no schedule', () => {
    const closed = 'http://127.0.0.1:9';
    it.each<[string, () => Environment, string]>([
      ['no secret', () => ({ GATEWAY_SECRET: undefined }), 'GATEWAY_SECRET'],
      ['no address', () => ({ PUBLIC_BASE_URL: undefined }), 'PUBLIC_BASE_URL'],
      ['half of a pair', () => ({ UPSTASH_REDIS_REST_TOKEN: undefined }), 'UPSTASH_REDIS_REST_TOKEN'],
      ['a bad value', () => ({ QSTASH_URL: 'not a url' }), 'QSTASH_URL'],
      ['a Redis that is not there', () => ({ UPSTASH_REDIS_REST_URL: closed }), 'UPSTASH_REDIS_REST_URL'],
      ['a token of another Redis', () => ({ UPSTASH_REDIS_REST_TOKEN: 'another-token' }), 'UPSTASH_REDIS_REST_TOKEN'],
      ['a QStash that is not there', () => ({ QSTASH_URL: closed }), 'QSTASH_URL'],
      ['a token of another QStash', () => ({ QSTASH_TOKEN: 'another-token' }), 'QSTASH_TOKEN'],
      ['an old key', () => ({ QSTASH_CURRENT_SIGNING_KEY: 'sig_old' }), 'QSTASH_CURRENT_SIGNING_KEY'],
      ['another next key', () => ({ QSTASH_NEXT_SIGNING_KEY: 'sig_next' }), 'QSTASH_NEXT_SIGNING_KEY'],
      ['an address where nobody is', () => ({ PUBLIC_BASE_URL: closed }), 'PUBLIC_BASE_URL'],
      ['the address of something else', () => ({ PUBLIC_BASE_URL: backend.qstash.url }), 'PUBLIC_BASE_URL'],
    ])('%s', async (_what, change, name) => {
      const { code, output } = await run(change());
      expect(code).toBe(1);
      expect(output).toMatch(new RegExp(`^wrong +[A-Z_, ]*${name}`, 'm'));
      expect(await schedules()).toEqual([]);
    });

    it('a token that may only read', async () => {
      backend.redis.faults.next({ status: 400 });
      const { code, output } = await run();
      expect([code, output]).toEqual([1, expect.stringMatching(/^wrong +UPSTASH_REDIS_REST_URL, .*read-only/m)]);
    });

    it('protection that has not been opened', async () => {
      const wall = await startUpstream((_request, response) => {
        response.writeHead(302, { location: 'https://vercel.com/sso' }).end();
      });
      const { code, output } = await run({ PUBLIC_BASE_URL: wall.url });
      await wall.stop();
      expect([code, output]).toEqual([1, expect.stringContaining('VERCEL_AUTOMATION_BYPASS_SECRET')]);
    });

    it('a cron that is none', async () => {
      for (const cron of ['daily', '* * * *']) expect((await run({}, cron)).code).toBe(1);
      expect(await schedules()).toEqual([]);
    });

    it.each([
      ['retries', { maxRetries: 2, maxTimeoutMs: 900_000 }],
      ['time', { maxRetries: 3, maxTimeoutMs: 300_000 }],
    ])('a plan that allows less %s', async (_what, plan) => {
      backend.qstash.setPlan(plan);
      const { code, output } = await run();
      backend.qstash.setPlan({ maxRetries: Number.POSITIVE_INFINITY, maxTimeoutMs: Number.POSITIVE_INFINITY });
      expect([code, output]).toEqual([
        1,
        expect.stringMatching(/^wrong +QSTASH_RETRIES, FUNCTION_LIMIT: .* 3 retries/m),
      ]);
    });

    it('a schedule that QStash refuses', async () => {
      backend.qstash.faults.api.next({ status: 412 }, { when: ({ method }) => method === 'POST' });
      const { code, output } = await run();
      expect([code, output]).toEqual([1, expect.stringMatching(/^wrong +schedule: not made, QStash answers 412/m)]);
    });
  });
});
