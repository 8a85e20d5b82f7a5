import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '../../lib/config.ts';
import type { Caller } from '../../lib/http/auth.ts';
import { type Limiter, slide } from '../../lib/limit/limiter.ts';
import { rateLimit } from '../../lib/limit/rate-limit.ts';
import { redisLimiter } from '../../lib/limit/redis.ts';
import { sqliteLimiter } from '../../lib/limit/sqlite.ts';
import { upstashTransport } from '../../lib/store/upstash.ts';
import { type TestClock, testClock } from '../contract/fixtures.ts';
import { startRedisRest } from '../fakes/redis-rest.ts';
import { describeRedis, startRedisServer } from '../fakes/redis-server.ts';
import { noted } from '../harness/gateway.ts';

const WINDOW = 60_000;
const rate = { limit: 5, windowMs: WINDOW };

interface UnderTest {
  readonly limiter: Limiter;
  /** Another on the same counts, as another process has it. */
  readonly other: Limiter;
  close(): Promise<void>;
}

/** What every limiter promises. */
function limiterContract(open: (clock: TestClock) => Promise<UnderTest>): void {
  let clock: TestClock;
  let backend: UnderTest;
  beforeEach(async () => {
    clock = testClock();
    // The beginning of a window.
    clock.advance(WINDOW - (clock.now() % WINDOW));
    backend = await open(clock);
  });
  afterEach(() => backend.close());

  it('gives each caller so many, whichever process is asked, and tells what is left', async () => {
    const { limiter, other } = backend;
    const taken = [];
    for (let time = 0; time < 6; time++) taken.push(await (time % 2 === 0 ? limiter : other).take('one', rate));
    expect(taken.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
      [true, 4],
      [true, 3],
      [true, 2],
      [true, 1],
      [true, 0],
      [false, 0],
    ]);
    expect(taken[5]?.resetMs).toBe(WINDOW);
    expect(await other.take('two', rate)).toMatchObject({ allowed: true, remaining: 4 });
  });

  it('of 50 at a time allows no more', async () => {
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, at) => (at % 2 === 0 ? backend.limiter : backend.other).take('one', rate)),
    );
    expect(all.filter(({ allowed }) => allowed)).toHaveLength(5);
  });

  it('what is refused takes nothing; what was taken counts less and less', async () => {
    for (let time = 0; time < 8; time++) await backend.limiter.take('one', rate);
    clock.advance(WINDOW);
    // All five of the window before.
    expect(await backend.limiter.take('one', rate)).toMatchObject({ allowed: false });
    clock.advance(WINDOW / 2);
    // Half of them: two and a half.
    const taken = [];
    for (let time = 0; time < 4; time++) taken.push((await backend.other.take('one', rate)).allowed);
    expect(taken).toEqual([true, true, true, false]);
    clock.advance(2 * WINDOW);
    expect(await backend.limiter.take('one', rate)).toMatchObject({ allowed: true, remaining: 4 });
  });
}

describe('the embedded limiter', () => {
  limiterContract(async (clock) => {
    const folder = mkdtempSync(join(tmpdir(), 'limits-'));
    const path = join(folder, 'limits.db');
    const [limiter, other] = [sqliteLimiter({ path, clock }), sqliteLimiter({ path, clock })];
    return {
      limiter,
      other,
      async close() {
        await limiter.close();
        await other.close();
        rmSync(folder, { recursive: true });
      },
    };
  });
});

describeRedis('the limiter on Redis', () => {
  limiterContract(async (clock) => {
    const server = await startRedisServer();
    const rest = await startRedisRest({ socket: server.socket });
    const open = () => redisLimiter({ transport: upstashTransport(rest), clock });
    return {
      limiter: open(),
      other: open(),
      async close() {
        await rest.stop();
        await server.stop();
      },
    };
  });
});

it('the window slides: never more than the limit in a length of it, where the one before came evenly', () => {
  const counts = fc.record({ previous: fc.nat(1_000), current: fc.nat(1_000) });
  fc.assert(
    fc.property(counts, fc.nat(WINDOW - 1), fc.integer({ min: 1, max: 1_000 }), (counts, elapsedMs, limit) => {
      const { allowed, remaining, resetMs } = slide(counts, elapsedMs, { limit, windowMs: WINDOW });
      const used = counts.previous * (1 - elapsedMs / WINDOW) + counts.current;
      expect(allowed).toBe(Math.floor(used) < limit);
      expect(remaining).toBeGreaterThanOrEqual(0);
      expect(remaining).toBeLessThan(limit);
      expect(resetMs).toBe(WINDOW - elapsedMs);
    }),
  );
});

it('a limit that cannot be looked up lets the call pass, and the log tells', async () => {
  const { log, lines } = noted(readConfig({}));
  const failing: Limiter = { take: () => Promise.reject(new Error('away')) };
  const own = async () => ['o'];
  const caller: Caller = { credential: { kind: 'none' }, isKnown: true, label: 'test', accounts: own, owners: own };
  expect(await rateLimit(failing, rate, log)(caller)).toEqual({});
  expect(lines.join('\n')).toContain('could not be counted');
});
