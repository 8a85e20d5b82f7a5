import type { Clock } from '../../lib/clock.ts';
import type { Environment } from '../../lib/config.ts';
import { Caller } from './client.ts';
import type { Composition } from './compositions.ts';
import type { RunningGateway } from './gateway.ts';
import { type Handler, type Received, startUpstream } from './upstream.ts';

/** A gateway and the upstream `local` behind it, for one file of scenarios. */
export interface Stand {
  readonly gateway: RunningGateway;
  /** Host and port that the upstream listens on. */
  readonly upstreamUrl: string;
  /** How the upstream answers one path (its query aside); every scenario has paths of its own. */
  on(path: string, ...answers: readonly Handler[]): string;
  /** Calls of that path so far. */
  received(path: string): readonly Received[];
  /** A caller with this key as its bearer token; without a key, an anonymous one. */
  caller(key?: string): Caller;
  stop(options?: { keepData?: boolean }): Promise<void>;
}

export interface StandOptions {
  readonly env?: Environment;
  readonly clock?: Clock;
  /** Fields of the service `local` in `PROXY_CONFIG`. */
  readonly service?: Readonly<Record<string, unknown>>;
}

export async function startStand(start: Composition['start'], options: StandOptions = {}): Promise<Stand> {
  const handlers = new Map<string, Handler[]>();
  const upstream = await startUpstream(
    (request, response, message) => {
      const answers = handlers.get(pathOf(request)) ?? [];
      // One answer for each call, the last one for all that follow.
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer === undefined)
        return void response.writeHead(404, { 'content-type': 'text/plain' }).end('no such path');
      return answer(request, response, message);
    },
    options.service === undefined ? {} : { service: options.service },
  );
  const { clock, env } = options;
  const gateway = await start({ env: { PROXY_CONFIG: upstream.proxyConfig, ...env }, ...(clock ? { clock } : {}) });
  return {
    gateway,
    upstreamUrl: upstream.url,
    on(path, ...answers) {
      handlers.set(path, [...answers]);
      return path;
    },
    received: (path) => upstream.received.filter((request) => pathOf(request) === path),
    caller: (key) => new Caller(gateway.url, key === undefined ? {} : { authorization: `Bearer ${key}` }),
    async stop(options) {
      await gateway.stop(options);
      await upstream.stop();
    },
  };
}

function pathOf(request: Received): string {
  return request.url.split('?', 1)[0] ?? '';
}

/** A clock that runs, and that a test can put forward. */
export function movableClock() {
  let ahead = 0;
  const listeners: (() => void)[] = [];
  return {
    now: () => Date.now() + ahead,
    advance(ms: number) {
      ahead += ms;
      for (const listener of listeners) listener();
    },
    onAdvance(listener: () => void) {
      listeners.push(listener);
    },
  };
}
