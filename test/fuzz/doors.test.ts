import { Agent } from 'node:http';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Caller, jobIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import type { RunningGateway } from '../harness/gateway.ts';
import { FAILING_HEADER, type Generated, requests } from './grammar.ts';
import { faultIn, type Told } from './judge.ts';
import { type FuzzedProvider, startProvider } from './provider.ts';
import { mutilations } from './raw.ts';
import { send, sendRaw, wireOf } from './send.ts';

/** Requests for each composition; `npm run fuzz` sends more. */
const REQUESTS = Number(process.env['FUZZ_REQUESTS'] ?? 750);
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2_147_483_647);
const BATCH = 50;
const AT_ONCE = 10;
const LIMIT_MS = 60_000 + REQUESTS * 60;

const GATEWAY_KEY = 'fuzz-gateway-key';
const SERVICE_KEY = 'sk-of-the-fuzzed-service';
const SECRET = 'the secret of a gateway that is sent anything';

describe.each(compositions)('whatever is sent: $name', ({ start }) => {
  let gateway: RunningGateway;
  let provider: FuzzedProvider;
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  beforeAll(async () => {
    provider = await startProvider(GATEWAY_KEY);
    gateway = await start({
      env: {
        PROXY_CONFIG: JSON.stringify({
          local: { host: provider.url, maxRetries: 0 },
          keyless: { host: provider.url },
          dead: { host: 'http://127.0.0.1:9', maxRetries: 0 },
        }),
        SOURCE_API_URL: provider.url,
        LOCAL_API_KEY: SERVICE_KEY,
        GATEWAY_KEYS: `fuzz:${GATEWAY_KEY}`,
        GATEWAY_SECRET: SECRET,
        CHUNK_DELAY_MS: '0',
        LOG_LEVEL: 'ERROR',
      },
    });
  });
  afterAll(async () => {
    agent.destroy();
    await gateway.stop();
    await provider.stop();
  });

  /** Answers by their status, for who wants to know how far the requests got. */
  const answers = new Map<number | 'left', number>();
  const count = (outcome: number | 'left') => answers.set(outcome, (answers.get(outcome) ?? 0) + 1);

  const owner = () => new Caller(gateway.url, { authorization: 'Bearer sk-one' });

  /** Jobs in different states, for the requests of a batch to speak of. */
  async function jobs(): Promise<Record<string, string>> {
    const other = new Caller(gateway.url, { authorization: 'Bearer sk-another' });
    const [done, failed, waiting, foreign] = await Promise.all([
      owner().submit('/v1/chat/completions'),
      owner().submit('/fail/500', { retries: 0 }),
      owner().submit('/text', { delay_s: 600 }),
      other.submit('/text'),
    ]);
    await Promise.all([owner().ended(done.id), owner().ended(failed.id)]);
    return { done: done.id, failed: failed.id, waiting: waiting.id, other: foreign.id, token: done.read_token ?? '' };
  }

  const named = (text: string, ids: Record<string, string>) =>
    text.replaceAll(/\{(done|failed|waiting|other|token)\}/g, (whole, name) => ids[name] ?? whole);

  function judge(what: string, sent: Parameters<typeof faultIn>[0], told: Told) {
    const fault = faultIn(sent, told, [SERVICE_KEY, SECRET]);
    if (fault !== null) throw new Error(`${fault}: ${what}\n${told.status} ${told.body.slice(0, 500)}`);
  }

  async function tryOne(generated: Generated, ids: Record<string, string>): Promise<void> {
    const request = { ...generated, target: named(generated.target, ids) };
    const outcome = await send(gateway.url, agent, request);
    count(outcome === 'left' ? outcome : outcome.status);
    if (outcome === 'left') return;
    const headers = new Headers(request.headers.map(([name, value]): [string, string] => [name, value]));
    // What a failed job says is of its making.
    const target = generated.target.includes('{failed}') ? `${request.target}#fail` : request.target;
    judge(JSON.stringify(generated.target), { method: request.method, target, headers, exact: true }, outcome);
  }

  async function tryRaw(bytes: Buffer): Promise<void> {
    // How they are taken is the gateway's affair: whatever stands in them may have been read.
    const target = bytes.toString('latin1');
    const headers = new Headers({ via: 'x', 'idempotency-key': 'x' });
    if (target.includes(FAILING_HEADER)) headers.set(FAILING_HEADER, 'x');
    // Where an answer to HEAD ends is only known to who has sent it: the next one looks like its body.
    const isHead = target.includes('HEAD ');
    for (const { status, headers: said, body } of await sendRaw(gateway.url, bytes)) {
      const told = { status, headers: said, body: isHead ? '' : body };
      count(status);
      judge(JSON.stringify(target.slice(0, 2_000)), { method: 'raw', target, headers, exact: false }, told);
    }
  }

  async function inWaves<T>(all: readonly T[], one: (item: T) => Promise<void>) {
    for (let at = 0; at < all.length; at += AT_ONCE) await Promise.all(all.slice(at, at + AT_ONCE).map(one));
  }

  async function stillAnswers() {
    const response = await owner().get('/health');
    expect(response.status).toBe(200);
    expect(provider.leaks).toEqual([]);
    expect(gateway.lines.filter((line) => /unhandled|code=internal/.test(line))).toEqual([]);
  }

  it(`is answered as it should be, ${REQUESTS} requests with the seed ${SEED}`, { timeout: LIMIT_MS }, async () => {
    console.info(`fuzzing with FUZZ_SEED=${SEED} FUZZ_REQUESTS=${REQUESTS}`);
    let sent = 0;
    const share = Math.ceil((REQUESTS * 0.8) / BATCH);
    const batches = fc.array(requests, { minLength: BATCH, maxLength: BATCH });
    await fc.assert(
      fc.asyncProperty(batches, async (batch) => {
        const ids = await jobs();
        await inWaves(batch, (generated) => tryOne(generated, ids));
        sent += batch.length;
        await stillAnswers();
      }),
      { seed: SEED, numRuns: share, endOnFailure: true },
    );
    const raw = fc.array(mutilations(requests.map(wireOf)), { minLength: BATCH, maxLength: BATCH });
    await fc.assert(
      fc.asyncProperty(raw, async (batch) => {
        await inWaves(batch, tryRaw);
        sent += batch.length;
        await stillAnswers();
      }),
      { seed: SEED, numRuns: Math.ceil((REQUESTS * 0.2) / BATCH), endOnFailure: true },
    );
    expect(sent).toBeGreaterThanOrEqual(REQUESTS);
    const told = Array.from(answers, ([outcome, times]) => `${outcome}: ${times}`).toSorted();
    console.info(`${sent} requests sent, and answered ${told.join(', ')}`);
  });

  it('a job is run as before', async () => {
    const caller = owner();
    const { id } = await jobIn(await caller.post('/api/jobs', { service: 'local', path: '/text' }));
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', attempts: 1 });
    expect(await (await caller.get(`/api/jobs/${id}/result`)).text()).toContain('Some text.');
  });
});
