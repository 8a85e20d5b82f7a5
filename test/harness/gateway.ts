import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Webhook } from 'standardwebhooks';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { type Config, type Environment, readConfig } from '../../lib/config.ts';
import { createLocalGateway } from '../../lib/local.ts';
import { createLog, type Log } from '../../lib/log.ts';
import { createSecrets } from '../../lib/secrets.ts';
import { serveDoor } from './door.ts';

export interface RunningGateway {
  readonly url: string;
  readonly config: Config;
  /** Names what it has stored: given to the next gateway, that one goes on with it. */
  readonly data: string;
  /** Log lines so far. */
  readonly lines: readonly string[];
  /** Every byte outside the process that is the gateway's, by place: files, keys, messages. */
  stored(): Promise<Map<string, Buffer>>;
  /** What the queue sends to the door at `path` for a job; as the version before did, unless it names a generation. */
  deliveryOf(path: string, id: string, generation?: number): string;
  /** The headers with which the queue would deliver this body to the door at `path`; with the wrong key or time on demand. */
  signed(path: string, body: string, wrong?: { key?: string; skewS?: number }): Promise<Record<string, string>>;
  /** Whether a credential is stored for the job. */
  hasCredential(id: string): Promise<boolean>;
  /** Chunks that are stored of the job's body and results. */
  chunks(id: string): Promise<number>;
  /** Stops the gateway and, unless told to keep it, removes its data. */
  stop(options?: { keepData?: boolean }): Promise<void>;
}

export interface GatewayOptions {
  /** Settings, as environment variables. */
  readonly env?: Environment;
  /** The `data` that an earlier gateway has left; fresh otherwise. */
  readonly data?: string;
  readonly clock?: Clock & { onAdvance?(listener: () => void): void };
}

/** A log that can be read. */
export function noted(config: Config): { log: Log; lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    log: createLog({ level: config.logLevel, format: config.logFormat, write: (line) => lines.push(line) }),
  };
}

/** The gateway of one machine on a free port of the loopback interface, spoken to over real HTTP. */
export async function startGateway(options: GatewayOptions = {}): Promise<RunningGateway> {
  const data = options.data ?? (await mkdtemp(join(tmpdir(), 'gateway-')));
  const config = readConfig({ SHUTDOWN_GRACE: '200', LOG_LEVEL: 'DEBUG', ...options.env, DATA_DIR: data, PORT: '0' });
  const { log, lines } = noted(config);
  const gateway = await createLocalGateway(config, log, options.clock ?? systemClock);
  const door = await serveDoor(gateway.fetch);
  await gateway.start();
  const query = (sql: string, id: string) => {
    const db = new DatabaseSync(join(data, 'jobs.db'), { readOnly: true });
    try {
      return Number(db.prepare(sql).get(id)?.['n']);
    } finally {
      db.close();
    }
  };
  return {
    url: door.url,
    config,
    data,
    lines,
    async stored() {
      const names = await readdir(data);
      return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(data, name))] as const)));
    },
    deliveryOf: (_path, id, generation) => JSON.stringify({ job: id, generation }),
    async signed(path, body, { key, skewS = 0 } = {}) {
      const secret = config.gatewaySecret ?? (await readFile(join(data, 'secret'), 'utf8'));
      const at = new Date(Date.now() + skewS * 1000);
      const webhook = new Webhook(key ?? (await createSecrets(secret, null).deliveryKey()));
      return {
        'webhook-id': 'msg_1',
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': webhook.sign(`${path} msg_1`, at, body),
      };
    },
    hasCredential: async (id) => query('SELECT count(credential) AS n FROM job WHERE id = ?', id) === 1,
    async chunks(id) {
      const tables = ['body_chunk', 'result_chunk'];
      return tables.reduce((sum, table) => sum + query(`SELECT count(*) AS n FROM ${table} WHERE job_id = ?`, id), 0);
    },
    async stop({ keepData = false } = {}) {
      await door.stop(0);
      await gateway.stop();
      if (!keepData) await rm(data, { recursive: true, force: true });
    },
  };
}
