import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.ts';
import { readConfig } from '../../lib/config.ts';
import { lookInto } from '../../lib/http/asked.ts';
import type { JobsContext } from '../../lib/jobs/context.ts';
import type { Submission } from '../../lib/jobs/submit.ts';
import { createLog } from '../../lib/log.ts';
import type { Queue } from '../../lib/queue/queue.ts';
import { createSecrets } from '../../lib/secrets.ts';
import { sqliteStore } from '../../lib/store/sqlite.ts';
import type { Store } from '../../lib/store/store.ts';

/** A queue that takes everything and delivers nothing. */
const silent: Queue = {
  send: async () => undefined,
  sendMany: async () => undefined,
  cancel: async () => undefined,
  receive: async () => ({ kind: 'malformed' }),
  depth: async () => 0,
};

export interface TestContext extends JobsContext {
  readonly lines: string[];
  /** The same with some operations that fail, or do something else. */
  with(faults: { store?: Partial<Store>; queue?: Partial<Queue> }): TestContext;
  close(): Promise<void>;
}

/** What operations on jobs work with: a real store, a queue that can be made to fail. */
export function testContext(): TestContext {
  const folder = mkdtempSync(join(tmpdir(), 'jobs-'));
  const lines: string[] = [];
  const base: JobsContext = {
    store: sqliteStore({ path: join(folder, 'jobs.db'), clock: systemClock }),
    queue: silent,
    secrets: createSecrets('a secret of the tests, of more than 32 characters', null),
    clock: systemClock,
    config: readConfig({}),
    log: createLog({ level: 'DEBUG', format: 'text', write: (line) => lines.push(line) }),
  };
  const made = ({ store, queue }: { store?: Partial<Store>; queue?: Partial<Queue> }): TestContext => ({
    ...base,
    store: { ...base.store, ...store },
    queue: { ...base.queue, ...queue },
    lines,
    with: (faults) => made({ store: { ...store, ...faults.store }, queue: { ...queue, ...faults.queue } }),
    async close() {
      await base.store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  });
  return made({});
}

/** A call of the demo service with this body. */
export function submission(context: JobsContext, body: string, overrides: Partial<Submission> = {}): Submission {
  const service = context.config.services.get('demo');
  if (service === undefined) throw new Error('there is no service demo');
  const bytes = new TextEncoder().encode(body);
  return {
    service,
    method: 'POST',
    target: '/v1/chat/completions',
    headers: new Headers({ 'content-type': 'application/json' }),
    credential: { kind: 'header', name: 'authorization', value: 'Bearer k' },
    owners: ['owner'],
    body: { kind: 'whole', bytes },
    asked: lookInto(bytes),
    idempotencyKey: null,
    collected: false,
    options: {
      retries: 0,
      inPlace: false,
      timeoutMs: 10_000,
      ttlMs: 60_000,
      dueAt: context.clock.now(),
      cancelAt: null,
      metadata: {},
      webhook: null,
    },
    ...overrides,
  };
}
