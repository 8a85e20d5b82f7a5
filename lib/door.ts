import { type Config, ConfigError, type Environment, readConfig } from './config.ts';
import { createLog, type Log } from './log.ts';
import { createMisconfigured } from './misconfigured.ts';
import { FUNCTION_MS } from './platform.ts';

interface App {
  fetch(request: Request): Response | Promise<Response>;
}

/**
 * A platform's function: made at its first request, and kept for the next ones. Settings that are not valid are told to
 * whoever calls, as a function that cannot be loaded would tell nobody.
 */
export function door(environment: () => Environment, build: (config: Config, log: Log) => App): App {
  let app: App | null = null;
  return {
    fetch(request) {
      app ??= open(environment(), build);
      return app.fetch(request);
    },
  };
}

function open(environment: Environment, build: (config: Config, log: Log) => App): App {
  try {
    const config = readConfig(environment, { FUNCTION_LIMIT: String(FUNCTION_MS) });
    return build(config, logOf(config));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const log = logOf(readConfig({}));
    log.error('misconfigured', { problems: error.message.split('\n') });
    return createMisconfigured(error, environment, log);
  }
}

function logOf({ logLevel, logFormat }: Config): Log {
  return createLog({ level: logLevel, format: logFormat, write: (line) => console.log(line) });
}
