import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import * as z from 'zod';
import { deliveryTimeoutS, missingInCloud } from './cloud.ts';
import { type Config, ConfigError, type Environment, processEnvironment, readConfig } from './config.ts';
import { parseJson } from './json.ts';
import { FUNCTION_MS } from './platform.ts';
import { bypassHeaders, MAX_TIMEOUT_S } from './queue/qstash.ts';
import { type QstashAdmin, QstashRefusal, qstashAdmin } from './queue/qstash-schedule.ts';

/**
 * `npm run setup:cloud [-- 'cron']`: checks what the gateway on Upstash Redis and QStash stands on, and creates or updates
 * the schedule of its sweep. May be run as often as one likes. Says what is wrong by the names of variables, never by
 * their values; exits with 1 where anything is.
 */

const EVERY_FIVE_MINUTES = '*/5 * * * *';
const CRON = /^(CRON_TZ=\S+ )?\S+( \S+){4}$/;
const SCHEDULE = 'gateway-sweep-';
/** Longer than the sweep's own budget, and than a function takes to start. */
const SWEEP_TIMEOUT_S = 60;
const PATIENCE_MS = 10_000;

interface Finding {
  readonly ok: boolean;
  readonly text: string;
}

const fine = (text: string): Finding => ({ ok: true, text });
const wrong = (text: string): Finding => ({ ok: false, text });

async function main(): Promise<void> {
  // What is set in the environment itself wins.
  if (existsSync('.env')) process.loadEnvFile('.env');
  const cron = process.argv[2] ?? EVERY_FIVE_MINUTES;
  if (!CRON.test(cron)) return tell([wrong(`cron: must be five fields, as in ${EVERY_FIVE_MINUTES}`)]);
  const environment = processEnvironment();
  const config = readConfig(environment, { FUNCTION_LIMIT: String(FUNCTION_MS) });
  const { redis, qstash, publicBaseUrl } = config;
  if (redis === null || qstash === null || publicBaseUrl === null || config.gatewaySecret === null) {
    return tell(missingInCloud(config).map(wrong));
  }
  const admin = qstashAdmin(qstash);
  const checked = await Promise.all([
    checkRedis(redis, environment),
    checkQstash(admin, config, qstash),
    checkGateway(publicBaseUrl, config.protectionBypass),
  ]);
  const findings = checked.flat();
  if (findings.some(({ ok }) => !ok))
    return tell([...findings, wrong('schedule: not made, as long as this is not mended')]);
  tell([...findings, ...(await makeSchedule(admin, publicBaseUrl, cron, config))]);
}

/** Writes a key, as the gateway does all it does by scripts that write: a token that may only read will not do. */
async function checkRedis({ url, token }: NonNullable<Config['redis']>, environment: Environment): Promise<Finding[]> {
  const [urlName, tokenName] = environment['UPSTASH_REDIS_REST_URL']
    ? ['UPSTASH_REDIS_REST_URL', 'UPSTASH_REDIS_REST_TOKEN']
    : ['KV_REST_API_URL', 'KV_REST_API_TOKEN'];
  const script = "return redis.call('SET', KEYS[1], '1', 'PX', '1000')";
  const answer = await reached(`${url}/`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify(['EVAL', script, '1', 'gateway:setup']),
  });
  if (answer === null) return [wrong(`${urlName}: nothing answers there`)];
  if (answer.status === 401 || answer.status === 403) return [wrong(`${tokenName}: Redis does not take it`)];
  if (answer.status === 200) return [fine(`${urlName}, ${tokenName}: Redis can be written to`)];
  return [
    wrong(
      `${urlName}, ${tokenName}: a script that writes is answered ${answer.status}; is the token the read-only one?`,
    ),
  ];
}

async function checkQstash(
  admin: QstashAdmin,
  config: Config,
  qstash: NonNullable<Config['qstash']>,
): Promise<Finding[]> {
  const keys = await admin.keys().catch((error: unknown) => unreachable(error));
  if ('ok' in keys) return [keys];
  const pairs = [
    ['QSTASH_CURRENT_SIGNING_KEY', qstash.currentSigningKey, keys.current],
    ['QSTASH_NEXT_SIGNING_KEY', qstash.nextSigningKey, keys.next],
  ] as const;
  const found = pairs.map(([name, own, theirs]) =>
    own === theirs ? fine(`${name}: as QStash has it`) : wrong(`${name}: is not the one that QStash signs with`),
  );
  return [fine('QSTASH_TOKEN: QStash takes it'), ...found, await checkPlan(admin, config)];
}

/** A plan that allows less refuses every job, which is better known now. */
async function checkPlan(admin: QstashAdmin, config: Config): Promise<Finding> {
  const retries = config.qstashRetries;
  const timeout = deliveryTimeoutS(config) ?? MAX_TIMEOUT_S;
  const asked = `${retries} retries and ${timeout} s for a delivery`;
  try {
    await admin.rehearse({ destination: `${config.publicBaseUrl}/health`, retries, timeout });
    return fine(`QSTASH_RETRIES, FUNCTION_LIMIT: the plan takes ${asked}`);
  } catch (error) {
    if (!(error instanceof QstashRefusal)) return unreachable(error);
    return wrong(
      `QSTASH_RETRIES, FUNCTION_LIMIT: a message with ${asked} is answered ${error.status}: the plan allows less, or QStash cannot reach PUBLIC_BASE_URL`,
    );
  }
}

function unreachable(error: unknown): Finding {
  if (!(error instanceof QstashRefusal)) return wrong('QSTASH_URL: QStash does not answer there as it should');
  if (error.status === 401 || error.status === 403) return wrong('QSTASH_TOKEN: QStash does not take it');
  return wrong(`QSTASH_URL, QSTASH_TOKEN: QStash answers ${error.status}`);
}

const health = z.object({ service: z.literal('llm-job-gateway') });

async function checkGateway(publicBaseUrl: string, bypass: string | null): Promise<Finding[]> {
  const answer = await reached(`${publicBaseUrl}/health`, { headers: bypassHeaders(bypass), redirect: 'manual' });
  if (answer === null) return [wrong('PUBLIC_BASE_URL: nothing answers there')];
  if (answer.status === 200 && health.safeParse(parseJson(answer.text)).success) {
    return [fine('PUBLIC_BASE_URL: the gateway answers there')];
  }
  const hint =
    answer.status === 401 || answer.status === 403 || (answer.status >= 300 && answer.status < 400)
      ? '; behind deployment protection VERCEL_AUTOMATION_BYPASS_SECRET has to be set'
      : '';
  return [wrong(`PUBLIC_BASE_URL: /health is answered ${answer.status}, and not by this gateway${hint}`)];
}

/** One schedule for each address: several gateways may share an account. */
async function makeSchedule(
  admin: QstashAdmin,
  publicBaseUrl: string,
  cron: string,
  config: Config,
): Promise<Finding[]> {
  const id = `${SCHEDULE}${createHash('sha256').update(publicBaseUrl).digest('hex').slice(0, 16)}`;
  try {
    const before = await admin.scheduleIds();
    await admin.schedule({
      id,
      cron,
      destination: `${publicBaseUrl}/api/worker/sweep`,
      timeout: SWEEP_TIMEOUT_S,
      headers: bypassHeaders(config.protectionBypass),
    });
    const others = before.filter((other) => other.startsWith(SCHEDULE) && other !== id);
    const made = fine(`schedule ${id}: ${before.includes(id) ? 'updated' : 'created'}, ${cron}`);
    const hint = 'is there too, of another PUBLIC_BASE_URL: to be deleted in QStash where that is no more';
    return [made, ...others.map((other) => fine(`schedule ${other}: ${hint}`))];
  } catch (error) {
    const why =
      error instanceof QstashRefusal ? `QStash answers ${error.status}` : 'QStash does not answer as it should';
    return [wrong(`schedule: not made, ${why}; the cron or PUBLIC_BASE_URL may be at fault`)];
  }
}

/** An answer, or `null` where there is none. */
async function reached(url: string, init: RequestInit): Promise<{ status: number; text: string } | null> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
    return { status: response.status, text: await response.text() };
  } catch {
    // Whatever the reason is, the one who set the variable has to look at it.
    return null;
  }
}

function tell(findings: readonly Finding[]): void {
  for (const { ok, text } of findings) console.log(`${ok ? 'ok   ' : 'wrong'}  ${text}`);
  if (findings.some(({ ok }) => !ok)) process.exitCode = 1;
}

main().catch((error: unknown) => {
  if (!(error instanceof ConfigError)) throw error;
  tell(error.message.split('\n').map(wrong));
});
