import { Redis } from '@upstash/redis';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type RedisRest, startRedisRest } from './redis-rest.ts';
import { describeRedis, type RedisServer, startRedisServer } from './redis-server.ts';

describeRedis('the REST front, spoken to by @upstash/redis', () => {
  let server: RedisServer;
  let rest: RedisRest;
  let redis: Redis;
  beforeAll(async () => {
    server = await startRedisServer();
    rest = await startRedisRest({ socket: server.socket });
    redis = connect();
  });
  afterAll(async () => {
    await rest.stop();
    await server.stop();
  });
  beforeEach(async () => {
    rest.faults.clear();
    await rest.flush();
    rest.reset();
  });

  const connect = (options: { token?: string; raw?: boolean; retries?: number } = {}) =>
    new Redis({
      url: rest.url,
      token: options.token ?? rest.token,
      automaticDeserialization: options.raw !== true,
      enableTelemetry: false,
      retry: { retries: options.retries ?? 0, backoff: () => 1 },
    });
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(rest.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${rest.token}`, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  it('sets, gets, and tells what is not there', async () => {
    expect(await redis.set('k', 'v')).toBe('OK');
    expect(await redis.get('k')).toBe('v');
    expect(await redis.get('nothing')).toBeNull();
    expect(await redis.incrby('n', 41)).toBe(41);
    await redis.hset('h', { a: 1, b: 'two' });
    expect(await redis.hgetall('h')).toEqual({ a: 1, b: 'two' });
    await redis.set('short', 'x', { px: 60_000, nx: true });
    expect(await redis.set('short', 'y', { nx: true })).toBeNull();
    expect(await redis.pttl('short')).toBeGreaterThan(0);
  });

  it.each(['', 'OK', 'T0s=', '"quoted"', '{"a":1}', 'null', '1e3', 'zwölf €\u0000\n\u{1f600}', 'x'.repeat(300_000)])(
    'brings back text as it was: %#',
    async (value) => {
      const raw = connect({ raw: true });
      await raw.set('k', value);
      expect(await raw.get('k')).toBe(value);
      expect(await raw.mget('k', 'k')).toEqual([value, value]);
      expect(await raw.multi().get('k').exec()).toEqual([value]);
    },
  );

  it('brings back bytes that are no text, in base64', async () => {
    const script = "return {string.char(0, 255, 128, 10), {redis.call('PING'), false, 7}}";
    const headers = { 'upstash-encoding': 'base64' };
    const bytes = Buffer.from([0, 255, 128, 10]).toString('base64');
    const expected = [bytes, [Buffer.from('PONG').toString('base64'), null, 7]];
    expect(await (await post('/', ['EVAL', script, 0], headers)).json()).toEqual({ result: expected });
    expect(await (await post('/multi-exec', [['EVAL', script, 0]], headers)).json()).toEqual([{ result: expected }]);
    expect(await (await post('/', ['EVAL', script, 0])).json()).toEqual({
      result: ['\u0000\ufffd\ufffd\n', ['PONG', null, 7]],
    });
    expect(await (await post('/', ['SET', 'k', 'v'], headers)).json()).toEqual({ result: 'OK' });
  });

  it('runs scripts, by text and by hash', async () => {
    const script = "redis.call('INCRBY', KEYS[1], ARGV[1]) return {KEYS[1], redis.call('GET', KEYS[1])}";
    expect(await redis.eval(script, ['n'], [5])).toEqual(['n', 5]);
    const sha = await redis.scriptLoad(script);
    expect(await redis.evalsha(sha, ['n'], [5])).toEqual(['n', 10]);
    await expect(redis.evalsha('f'.repeat(40), [], [])).rejects.toThrow(/NOSCRIPT/);
    expect(await redis.createScript<string>('return ARGV[1]').exec([], ['x'])).toBe('x');
  });

  it('pipelines, one error among results', async () => {
    const pipeline = redis.pipeline().set('a', '1').lpush('a', 'x').get('a');
    const [set, push, got] = await pipeline.exec({ keepErrors: true });
    expect(set).toEqual({ result: 'OK', error: undefined });
    expect(push?.error).toMatch(/WRONGTYPE/);
    expect(got?.result).toBe(1);
    expect([rest.requests(), rest.count(), rest.count('lpush')]).toEqual([1, 3, 1]);
  });

  it('takes what is issued together as one request for reads and one for writes', async () => {
    await Promise.all([redis.set('a', 1), redis.set('b', 2), redis.get('a'), redis.get('b')]);
    expect([rest.requests(), rest.count('SET'), rest.count('GET')]).toEqual([2, 2, 2]);
  });

  it('runs transactions: all results, an error among them, or none', async () => {
    expect(await redis.multi().set('a', 'x').incr('n').get('a').exec()).toEqual(['OK', 1, 'x']);
    await expect(redis.multi().set('a', 'y').incr('a').exec()).rejects.toThrow(/not an integer/);
    expect(await redis.get('a')).toBe('y');
    await expect(redis.multi().set('a', 'z').eval('this is no Lua', [], []).exec()).rejects.toThrow(/ERR/);
    expect(await redis.get('a')).toBe('z');
    const discarded = await post('/multi-exec', [['SET', 'a', 'lost'], ['NOSUCHCOMMAND']]);
    expect([discarded.status, await discarded.json()]).toEqual([400, { error: expect.stringMatching(/^EXECABORT/) }]);
    expect(await redis.get('a')).toBe('z');
  });

  it('keeps concurrent transactions apart', async () => {
    const scripts = Array.from({ length: 50 }, () => redis.multi().incr('n').get('n').exec<[number, number]>());
    for (const [mine, read] of await Promise.all(scripts)) expect(read).toBe(mine);
  });

  it('answers errors of a command, of a body, of a token', async () => {
    await redis.set('k', 'text');
    await expect(redis.incr('k')).rejects.toThrow(/not an integer/);
    const wrong = await post('/', ['INCR', 'k']);
    expect([wrong.status, await wrong.json()]).toEqual([400, { error: expect.stringMatching(/^ERR value is not/) }]);
    expect((await post('/', 'no json')).status).toBe(400);
    expect((await post('/pipeline', [])).status).toBe(400);
    expect((await post('/', ['SET', 'k', 'x'.repeat(11 * 1024 * 1024)])).status).toBe(400);
    await expect(connect({ token: 'wrong' }).get('k')).rejects.toThrow(/WRONGPASS/);
    expect((await post('/', ['GET', 'k'], { authorization: '' })).status).toBe(401);
  });

  it.each([
    ['BLPOP', 'k', 0],
    ['SELECT', 1],
    ['multi'],
    ['SUBSCRIBE', 'ch'],
    ['XREAD', 'block', 0, 'STREAMS', 's', '$'],
  ])('refuses what would hold the connection: %s', async (...command) => {
    expect((await post('/', command)).status).toBe(400);
    expect(rest.count()).toBe(0);
    expect(await redis.ping()).toBe('PONG');
  });

  it('hands the sync token on', async () => {
    const first = (await post('/', ['PING'])).headers.get('upstash-sync-token') ?? '';
    expect(first).not.toBe('');
    const headers = { 'upstash-sync-token': first };
    expect((await post('/', ['PING'], headers)).headers.get('upstash-sync-token')).toBe(first);
  });

  it('answers with errors on demand, and does nothing then', async () => {
    rest.faults.next({ status: 500 }, { times: 2 });
    rest.faults.next({ status: 429 });
    for (const message of [/500/, /500/, /rate limit/]) await expect(redis.incr('n')).rejects.toThrow(message);
    expect(await redis.incr('n')).toBe(1);
    expect(rest.count('INCR')).toBe(1);
  });

  it('cuts the connection before a command: a retry does it once', async () => {
    rest.faults.next({ cut: 'before' });
    expect(await connect({ retries: 2 }).incr('n')).toBe(1);
  });

  it('cuts the connection after a command: a retry does it twice', async () => {
    rest.faults.next({ cut: 'after' }, { when: ({ commands }) => commands.includes('INCR') });
    expect(await redis.get('n')).toBeNull();
    expect(await connect({ retries: 2 }).incr('n')).toBe(2);
    expect(rest.count('INCR')).toBe(2);
  });

  it('cuts the connection within the answer: a retry does it twice', async () => {
    rest.faults.next({ cut: 'within' }, { when: ({ commands }) => commands.includes('INCR') });
    const cut = fetch(rest.url, {
      method: 'POST',
      headers: { authorization: `Bearer ${rest.token}` },
      body: '["INCR","n"]',
    });
    // The head has come, and half of the body.
    expect((await cut).status).toBe(200);
    await expect((await cut).text()).rejects.toThrow();
    expect(await redis.incr('n')).toBe(2);
  });

  it('delays one request behind another', async () => {
    rest.faults.next({ delayMs: 500 }, { when: ({ commands }) => commands.includes('APPEND') });
    // A client of its own: of one client, writes that are issued together go out together.
    const slow = connect().append('k', 'slow');
    await redis.set('k', 'fast,');
    await slow;
    expect(await redis.get('k')).toBe('fast,slow');
  });

  it('strikes by chance', async () => {
    rest.faults.sometimes({ status: 500 }, 0.5);
    const outcomes = await Promise.allSettled(Array.from({ length: 100 }, () => connect().incr('n')));
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected').length;
    expect(failed).toBeGreaterThan(20);
    expect(failed).toBeLessThan(80);
    rest.faults.clear();
    expect(await redis.get('n')).toBe(100 - failed);
  });
});
