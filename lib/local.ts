import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { assemble } from './assemble.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { demoTransport } from './demo/demo.ts';
import { createIdentifier } from './http/auth.ts';
import { isLoopback, isLoopbackHost } from './http/url.ts';
import { type SweepOptions, sweep } from './jobs/send.ts';
import { sqliteLimiter } from './limit/sqlite.ts';
import type { Log } from './log.ts';
import { nodeNetwork } from './node-network.ts';
import { servePage } from './page.ts';
import { sqliteQueue } from './queue/sqlite.ts';
import { ownSecret } from './secret-file.ts';
import { createSecrets } from './secrets.ts';
import { sqliteStore } from './store/sqlite.ts';
import { createUpstream } from './upstream/call.ts';

/** Short enough for work to go on within seconds of a crash, long enough for a pause of the process. */
const LEASE_MS = 5_000;
const SWEEP_MS = 30_000;
/** For what is given back at the end of the grace to be written down. */
const RELEASE_MS = 3_000;
const INSIDE = 'http://gateway.internal';

export interface LocalGateway {
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** Begins to run jobs, those first that an earlier process has left. */
  start(): Promise<void>;
  /**
   * Takes no more work, gives running jobs `SHUTDOWN_GRACE` to end, gives the rest back, and closes the files.
   * @param served resolves when no call is being answered any more: until then they keep what they need
   */
  stop(served?: Promise<void>): Promise<void>;
}

/** Whether nobody but this machine's users reach the gateway: no proxy brings others, as far as the settings tell. */
function isPrivate({ host, publicBaseUrl }: Config): boolean {
  return isLoopbackHost(host) && (publicBaseUrl === null || isLoopback(new URL(publicBaseUrl)));
}

/** The whole gateway in one process: SQLite store and queue in `DATA_DIR`, the worker called by the dispatcher. */
export async function createLocalGateway(config: Config, log: Log, clock: Clock = systemClock): Promise<LocalGateway> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const secrets = createSecrets(config.gatewaySecret ?? ownSecret(config.dataDir), config.gatewaySecretPrevious);
  const shutdown = new AbortController();
  const network = nodeNetwork(config);
  const limits = config.rateLimit === null ? null : sqliteLimiter({ path: join(config.dataDir, 'limits.db'), clock });
  const upstream = createUpstream(network.transport, demoTransport());
  const identifier = createIdentifier(config, secrets, isPrivate(config));
  const onGone = (path: string) =>
    log.error('a file of DATA_DIR was deleted or replaced: nothing is accepted until the gateway is started again', {
      path,
    });
  const store = sqliteStore({ path: join(config.dataDir, 'jobs.db'), clock, onGone });
  const queue = sqliteQueue({
    path: join(config.dataDir, 'queue.db'),
    onGone,
    signingKey: await secrets.deliveryKey(),
    clock,
    log,
    deliver: async (request) => app.fetch(request),
    url: `${INSIDE}/api/worker`,
    concurrency: config.workerConcurrency,
    parallelism: (service) => config.services.get(service)?.parallelism ?? Number.POSITIVE_INFINITY,
  });
  for (const { name, rate } of config.services.values()) {
    if (rate !== null) log.warn('a rate is kept on Redis + QStash only', { service: name });
  }
  const context = { config, log, clock, store, queue, secrets, upstream, identifier, postWebhook: network.postWebhook };
  const app = assemble({
    ...context,
    limiter: limits,
    leaseMs: LEASE_MS,
    shutdown: shutdown.signal,
    describe: async () => ({
      mode: 'local',
      store: 'sqlite',
      queue: 'sqlite',
      jobs: await store.counts(),
      messages: await queue.depth(),
    }),
  });
  app.use('/*', servePage());

  const tidy = (options?: SweepOptions) =>
    sweep(context, options).then(
      ({ repaired, removed }) => {
        if (repaired + removed > 0) log.info('swept', { repaired, removed });
      },
      (error) => log.error('the sweep failed', { error }),
    );
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  // Set anew when a sweep has ended, so that no two go on at once.
  const schedule = () => {
    timer = setTimeout(() => void tidy().then(() => stopping || schedule()), SWEEP_MS);
  };
  return {
    fetch: app.fetch,
    async start() {
      queue.start();
      // Whatever the queue has lost, with a power cut for instance, is sent again at once.
      await tidy({ graceMs: 0 });
      schedule();
    },
    async stop(served) {
      clearTimeout(timer);
      stopping = true;
      await Promise.all([queue.stop(config.shutdownGrace), served]);
      shutdown.abort();
      await queue.stop(RELEASE_MS);
      await network.close();
      await limits?.close();
      await queue.close();
      await store.close();
    },
  };
}
