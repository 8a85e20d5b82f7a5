import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Environment } from '../../lib/config.ts';

const ROOT = join(import.meta.dirname, '../..');
/** What a deployment is made from. */
const DEPLOYED = ['api', 'lib', 'public', 'package.json', 'package-lock.json', 'tsconfig.json', 'vercel.json'];
/** Several hundred megabytes: no dependency of the project. It brings a pinned package that the registry may not have. */
const CLI = { private: true, dependencies: { vercel: '64.0.2' }, overrides: { sandbox: '4.5.0' } };
const LOCK_OF_INSTALL = 'node_modules/.package-lock.json';
const READY_MS = 60_000;

const run = promisify(execFile);
const quiet = { CI: '1', VERCEL_TELEMETRY_DISABLED: '1' };

/** Whether these suites are to run: all but a plain `npm test` outside CI, which takes no CLI from the network. */
export function isWanted(): boolean {
  if (process.env['CI'] === 'true' || process.env['npm_lifecycle_event'] !== 'test') return true;
  console.warn('left out: the build and the development server of Vercel: npm run test:vercel');
  return false;
}

/** The path of the CLI; fetched once into a temporary folder of its own. */
export async function fetchCli(): Promise<string> {
  const folder = join(tmpdir(), `llm-job-gateway-vercel-${CLI.dependencies.vercel}`);
  const bin = join(folder, 'node_modules/.bin/vercel');
  if (existsSync(bin)) return bin;
  const fresh = await mkdtemp(join(tmpdir(), 'llm-job-gateway-vercel-'));
  await writeFile(join(fresh, 'package.json'), JSON.stringify(CLI));
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--silent'], { cwd: fresh });
  // Whole or not at all: a run that was broken off leaves none that looks whole.
  await rename(fresh, folder);
  return bin;
}

/** A copy of what is deployed, with the packages that the platform would install, in a temporary folder. */
export async function copyProject(extra: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'llm-job-gateway-deployed-'));
  for (const name of DEPLOYED) await cp(join(ROOT, name), join(folder, name), { recursive: true });
  // Links in place of copies: half a gigabyte of packages that nobody writes to.
  await run('cp', ['-al', join(ROOT, 'node_modules'), join(folder, 'node_modules')]).catch(() =>
    cp(join(ROOT, 'node_modules'), join(folder, 'node_modules'), { recursive: true }),
  );
  // The one file that an install writes to: no link to ours.
  await rm(join(folder, LOCK_OF_INSTALL), { force: true });
  await cp(join(ROOT, LOCK_OF_INSTALL), join(folder, LOCK_OF_INSTALL));
  for (const [name, text] of Object.entries(extra)) {
    await mkdir(join(folder, name, '..'), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return folder;
}

/** `vercel build`, without login and network; its output says what went wrong. */
export async function build(cli: string, folder: string): Promise<string> {
  const { stdout, stderr } = await run(cli, ['build', '--yes'], { cwd: folder, env: { ...process.env, ...quiet } });
  return stdout + stderr;
}

export interface DevServer {
  output(): string;
  stop(): Promise<void>;
}

/** `vercel dev`: the platform's router and its functions, the edge one in its sandbox. */
export async function startDev(cli: string, folder: string, port: number): Promise<DevServer> {
  const args = ['dev', '--local', '--listen', String(port), '--yes'];
  const child = spawn(cli, args, {
    cwd: folder,
    env: { ...process.env, ...quiet },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  const until = Date.now() + READY_MS;
  while (!output.includes('Ready!')) {
    if (child.exitCode !== null || Date.now() > until) throw new Error(`vercel dev did not start:\n${output}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { output: () => output, stop: () => endGroup(child) };
}

async function endGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'close');
  process.kill(-child.pid, 'SIGKILL');
  await ended;
}

/** An `.env` file of these variables, none of which holds a single quote: nothing is an escape between those. */
export function envFile(environment: Environment): string {
  const lines = Object.entries(environment).map(([name, value]) => `${name}='${value ?? ''}'\n`);
  return lines.join('');
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const closed = once(server, 'close');
  server.close();
  await closed;
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
