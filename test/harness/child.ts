import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Environment } from '../../lib/config.ts';

const ROOT = join(import.meta.dirname, '../..');
const START_MS = 20_000;

export interface GatewayProcess {
  readonly url: string;
  readonly pid: number;
  /** Whether it has not ended, by itself or by a signal. */
  isRunning(): boolean;
  /** Everything that it has printed. */
  output(): string;
  /** Sends a signal to the process and its children, and waits for its end. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** `npm start` as a user runs it, or a script without npm around it (the same one, unless told), on a free port. */
export async function startProcess(
  env: Environment,
  via: 'npm' | 'node' = 'node',
  script = 'lib/start.ts',
): Promise<GatewayProcess> {
  const [command, args] = via === 'npm' ? ['npm', ['start']] : [process.execPath, [script]];
  // A group of its own: npm's child must get the signal too.
  const child = spawn(command, args, { cwd: ROOT, env: { ...process.env, PORT: '0', ...env }, detached: true });
  // Who is ended in the middle must not leave it behind.
  const endWithUs = () => signalGroup(child, 'SIGKILL');
  process.once('exit', endWithUs);
  child.once('exit', () => process.off('exit', endWithUs));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  const url = await new Promise<string>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`the gateway did not start: ${why}\n${output}`));
    const timer = setTimeout(() => fail('too slow'), START_MS);
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(`exit ${code}`);
    });
    child.stdout.on('data', () => {
      const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(output) ?? [];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    });
  });
  return {
    url,
    pid: child.pid ?? 0,
    isRunning: () => isRunning(child),
    output: () => output,
    end: (signal) => endGroup(child, signal),
  };
}

async function endGroup(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (!isRunning(child)) return;
  const ended = once(child, 'close');
  signalGroup(child, signal);
  await ended;
}

function signalGroup(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): void {
  if (child.pid !== undefined && isRunning(child)) process.kill(-child.pid, signal);
}

function isRunning({ exitCode, signalCode, pid }: ChildProcess): boolean {
  return exitCode === null && signalCode === null && pid !== undefined;
}
