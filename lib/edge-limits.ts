import type { Config } from './config.ts';
import { FUNCTION_MS } from './platform.ts';

/** The settings of what runs on the edge or behind it: an edge function ends after five minutes, whatever FUNCTION_LIMIT says. */
export function withinEdge(config: Config, functionLimit = FUNCTION_MS): Config {
  const runLimit = Math.min(config.runLimit, Math.ceil(functionLimit * 0.95));
  return {
    ...config,
    runLimit,
    backgroundTimeout: Math.min(config.backgroundTimeout, runLimit),
    totalTimeout: Math.min(config.totalTimeout, Math.ceil(functionLimit * 0.975)),
  };
}
