import { existsSync } from 'node:fs';
import { ConfigError, processEnvironment, readConfig } from './config.ts';
import { createLocalGateway } from './local.ts';
import { createLog } from './log.ts';
import { serve } from './server.ts';

/** `npm start`: the gateway on one machine. */
async function main(): Promise<void> {
  // What is set in the environment itself wins.
  if (existsSync('.env')) process.loadEnvFile('.env');
  const config = readConfig(processEnvironment());
  const log = createLog({ level: config.logLevel, format: config.logFormat, write: (line) => console.log(line) });
  const gateway = await createLocalGateway(config, log);
  const server = await serve(gateway.fetch, { ...config, requestTimeout: config.totalTimeout });
  await gateway.start();
  console.log(banner(server.url));

  // One stray rejection must not take the streams and jobs of everybody with it.
  process.on('unhandledRejection', (error) => log.error('unhandled rejection', { error }));
  const failed = (error: unknown) => {
    log.error('stopping failed', { error });
    process.exit(1);
  };
  let stopping = false;
  const stop = async (signal: string) => {
    if (stopping) return process.exit(1);
    stopping = true;
    log.info('stopping', { signal, grace_ms: config.shutdownGrace });
    await gateway.stop(server.stop(config.shutdownGrace));
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void stop(signal).catch(failed));
}

function banner(url: string): string {
  return `
The gateway is up on ${url} with the embedded store and queue.
The demo service needs no key. Try:

  a call      curl ${url}/gateway/demo/v1/chat/completions -H 'content-type: application/json' \\
                -d '{"model":"demo-echo","messages":[{"role":"user","content":"Hello"}]}'
  a stream    the same, with "stream":true in the body (and curl -N)
  a job       the same, with -H 'Prefer: respond-async': the answer says where to look
  the page    ${url}/
`;
}

/** What a user can mend, in a sentence; `null` for a fault that is not theirs. */
function startError(error: unknown): string | null {
  if (error instanceof ConfigError) return `The configuration is not valid:\n${error.message.replaceAll(/^/gm, '  ')}`;
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'EADDRINUSE') return 'The port is taken: set PORT to another one, or stop what listens there.';
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return 'HOST is no address of this machine.';
  if (code === 'EACCES' || code === 'EROFS' || code === 'ENOTDIR' || code === 'EEXIST') {
    return 'PORT or DATA_DIR may not be used: check the permissions.';
  }
  return null;
}

main().catch((error: unknown) => {
  const known = startError(error);
  if (known === null) throw error;
  console.error(known);
  // EX_CONFIG of sysexits.h: starting again as it is would not help.
  process.exit(78);
});
