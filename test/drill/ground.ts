import { createServer } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import type { Environment } from '../../lib/config.ts';
import type { GatewayProcess } from '../harness/child.ts';

/** What gateways of one composition stand on, while they come and go. */
export interface Ground {
  readonly composition: Composition;
  /** A gateway in a process of its own. */
  launch(env: Environment): Promise<GatewayProcess>;
  /** A gateway in this process, by this clock. */
  host(env: Environment, clock: Clock): Promise<HostedGateway>;
  /** Messages that the queue has, those in delivery among them. */
  messages(): number;
  /** Has the queue deliver now what waits for its time, where it can be told to. */
  hurry(): void;
  /** What of ended jobs is there that should have gone, by name. */
  leftovers(): Promise<string[]>;
  stop(): Promise<void>;
}

export type Composition = 'local' | 'cloud';

export interface HostedGateway {
  readonly url: string;
  stop(): Promise<void>;
}

/** Of a worker, in both compositions: so that what is lost with one is made up for within seconds. */
export const LEASE_MS = 5_000;

/** A port that nobody listens on just now: a gateway that comes again is to be found where it was. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
