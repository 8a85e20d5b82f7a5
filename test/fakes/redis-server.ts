import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, it } from 'vitest';

const READY_MS = 10_000;
const MISSING = 'no redis-server in PATH (Debian: apt-get install redis-server)';

export interface RedisServer {
  /** The Unix socket that it listens on: the same after a restart. */
  readonly socket: string;
  /** Ends the process, `SIGKILL` like a power cut, and starts it, after `downMs`, on what it has left on disk. */
  restart(signal?: 'SIGKILL' | 'SIGTERM', downMs?: number): Promise<void>;
  stop(): Promise<void>;
}

export function redisAvailable(): boolean {
  return executable() !== null;
}

function executable(): string | null {
  const candidates = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'redis-server'));
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * A suite that needs a real Redis. Without one it is left out by name, saying so; in CI (`CI=true`) that fails, so that
 * a proof is never missing unnoticed.
 */
export function describeRedis(name: string, suite: () => void): void {
  if (redisAvailable()) return void describe(name, suite);
  if (process.env['CI'] === 'true') {
    return void describe(name, () => {
      it('has its redis-server', () => {
        throw new Error(MISSING);
      });
    });
  }
  console.warn(`left out: ${name}: ${MISSING}`);
  describe.skip(`${name} (${MISSING})`, suite);
}

/** A real redis-server of the test's own, in memory unless it is to `persist` every write. */
export async function startRedisServer({ persist = false }: { persist?: boolean } = {}): Promise<RedisServer> {
  const path = executable();
  if (path === null) throw new Error(MISSING);
  const folder = await mkdtemp(join(tmpdir(), 'redis-'));
  const socket = join(folder, 'redis.sock');
  let child = await launch(path, folder, socket, persist);
  return {
    socket,
    async restart(signal = 'SIGKILL', downMs = 0) {
      await end(child, signal);
      await wait(downMs);
      child = await launch(path, folder, socket, persist);
    },
    async stop() {
      await end(child, 'SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function launch(path: string, folder: string, socket: string, persist: boolean): Promise<ChildProcess> {
  const appending = persist ? ['--appendonly', 'yes', '--appendfsync', 'always'] : ['--appendonly', 'no'];
  const settings = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', ...appending];
  const child = spawn(path, settings, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  // A test that ends in the middle must not leave its server behind.
  const endWithUs = () => child.kill('SIGKILL');
  process.once('exit', endWithUs);
  child.once('exit', () => process.off('exit', endWithUs));

  const until = Date.now() + READY_MS;
  while (!(await ready(socket))) {
    if (child.exitCode !== null || Date.now() > until) {
      await end(child, 'SIGKILL');
      throw new Error(`redis-server did not start:\n${output}`);
    }
    await wait(10);
  }
  return child;
}

/** Answers PING: not while there is no socket yet, nor while it still loads what is on disk. */
function ready(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socket, () => connection.write('PING\r\n'));
    connection.on('error', () => resolve(false));
    connection.on('data', (data) => {
      connection.destroy();
      resolve(data.toString().startsWith('+PONG'));
    });
  });
}

async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'close');
  child.kill(signal);
  await ended;
}
