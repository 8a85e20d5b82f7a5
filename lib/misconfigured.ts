import type { Hono } from 'hono';
import { type ConfigError, type Environment, readConfig } from './config.ts';
import { MARKER_HEADER } from './gateway/signature.ts';
import { health } from './gateway/status.ts';
import { type AppVariables, createApp } from './http/app.ts';
import { GatewayError } from './http/errors.ts';
import type { Log } from './log.ts';

/**
 * Stands in for a gateway whose settings are not valid: says so at every door, with the variables' names, which are all
 * that the error holds.
 */
export function createMisconfigured(error: ConfigError, environment: Environment, log: Log): Hono<AppVariables> {
  // A page of these origins reads the error too.
  const { ALLOWED_ORIGIN, CORS_ALLOW_ORIGIN } = environment;
  const app = createApp(readConfig({ ALLOWED_ORIGIN, CORS_ALLOW_ORIGIN }), log);
  const problems = error.message.split('\n');
  // Our own word, not the platform's: the edge passes it on.
  app.use(async (c, next) => {
    await next();
    c.header(MARKER_HEADER, 'misconfigured');
  });
  for (const path of ['/health', '/gateway/health']) app.get(path, () => Response.json(health(Date.now())));
  app.get('/api/status', () => Response.json({ ...health(Date.now()), status: 'misconfigured', problems }));
  app.all('*', () => {
    throw new GatewayError('misconfigured', {
      message: `The gateway is not configured. ${problems.join('; ')}.`,
      headers: { 'retry-after': '60' },
    });
  });
  return app;
}
