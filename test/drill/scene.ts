import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../../lib/clock.ts';
import type { Environment } from '../../lib/config.ts';
import type { GatewayProcess } from '../harness/child.ts';
import { bodyOf } from './answers.ts';
import { type Accepted, Client, type Order } from './client.ts';
import type { Ground, HostedGateway } from './ground.ts';
import type { DrillJob, Evidence, Kill, Trouble } from './ledger.ts';
import { type Behaviour, type DrillUpstream, startDrillUpstream } from './upstream.ts';

/** Callers at once. */
const SUBMITTERS = 10;
const READERS = 16;
/** Jobs of the service at once. */
const PARALLELISM = 24;
/** What the queue still has of jobs that have ended must have gone by then. */
const DRAIN_MS = 90_000;
const LOOK_MS = 100;
/** Of the event loop: to accept, to read, to take the body's end, and some more. */
const TURNS = 20;
const HURRY_MS = 1_000;
/** A worker that has its provider's answer stores it at once, where the store lets it. */
const STORING_MS = 5_000;
/** Nobody works and nothing waits for so long: what has not ended then has lost its message. */
const QUIET_MS = 1_500;
/** A job that is late for a minute counts as one whose message is lost. */
const MINUTE_MS = 61_000;

export interface SceneOptions {
  readonly ground: Ground;
  readonly plan: (marker: string, nth: number) => Behaviour;
  /** When whatever has not ended counts as lost (ms). */
  readonly limitMs: number;
  readonly env?: Environment;
  /** Jobs of the service at once, in each gateway. */
  readonly parallelism?: number;
}

/** A clock that runs, and jumps. */
export class JumpingClock implements Clock {
  ahead = 0;

  now(): number {
    return Date.now() + this.ahead;
  }
}

/** One drill's stage: the ground, the upstream, callers, and the record of what is done to the gateway. */
export class Scene {
  readonly ground: Ground;
  readonly upstream: DrillUpstream;
  readonly client: Client;
  readonly clock = new JumpingClock();
  readonly kills: Kill[] = [];
  readonly troubles: Trouble[] = [];
  readonly oddities: string[] = [];
  /** How often the clock was put forward by a minute, as nobody worked and jobs had not ended. */
  nudges = 0;
  readonly #env: Environment;
  readonly #limit: AbortController;
  readonly #timer: NodeJS.Timeout;
  #hurrying: NodeJS.Timeout | undefined;
  #process: GatewayProcess | null = null;
  readonly #hosted: HostedGateway[] = [];
  #url = '';
  #requests = 0;

  constructor({ ground, env = {}, limitMs, parallelism = PARALLELISM }: SceneOptions, upstream: DrillUpstream) {
    this.ground = ground;
    this.upstream = upstream;
    const service = { host: upstream.url, parallelism };
    this.#env = { PROXY_CONFIG: JSON.stringify({ local: service }), WORKER_CONCURRENCY: String(PARALLELISM), ...env };
    this.#limit = new AbortController();
    this.#timer = setTimeout(() => this.#limit.abort(new Error('the drill takes too long')), limitMs);
    this.client = new Client({ url: () => this.nextUrl(), signal: this.#limit.signal });
  }

  /** Aborted when the drill has taken as long as it may. */
  get signal(): AbortSignal {
    return this.#limit.signal;
  }

  /** A gateway in a process of its own. */
  async launch(): Promise<void> {
    this.#process = await this.ground.launch(this.#env);
    this.#url = this.#process.url;
  }

  /** A gateway in this process, by the scene's clock; beside others where there are some already. */
  async host(): Promise<void> {
    this.#hosted.push(await this.ground.host(this.#env, this.clock));
  }

  /** Where a gateway is now: each in turn where there are several. */
  nextUrl(): string {
    return this.#hosted[this.#requests++ % this.#hosted.length]?.url ?? this.#url;
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    this.#checkProcess();
    const from = performance.now();
    await this.#process?.end('SIGKILL');
    // What it had sent lies in the kernel: the upstream notes it now, before there is another process.
    for (let turn = 0; turn < TURNS; turn++) await nextTurn();
    this.kills.push({ from, to: performance.now() });
  }

  /** From now on the queue's own waits are cut short. */
  hurryOn(): void {
    this.#hurrying = setInterval(() => this.ground.hurry(), HURRY_MS);
  }

  /** Nothing that is done to it may end it, but a signal. */
  #checkProcess(): void {
    if (this.#process === null || this.#process.isRunning()) return;
    this.oddities.push(`the gateway’s process ended by itself: ${this.#process.output().slice(-2_000)}`);
  }

  /** Does `what`, and notes when, as what may explain what follows. */
  async trouble(name: string, what: () => Promise<void>, afterMs = 0): Promise<void> {
    const from = performance.now();
    await what();
    this.troubles.push({ name, from, to: performance.now() + afterMs });
  }

  /** Hands out all orders to so many at once, no more of them than are `allowed` so far; what has come of them. */
  async each<T>(
    orders: readonly Order[],
    work: (order: Order) => Promise<T | null>,
    { allowed = () => orders.length, width = SUBMITTERS }: { allowed?: () => number; width?: number } = {},
  ): Promise<T[]> {
    let next = 0;
    return inParallel(width, async (push: (item: T) => void) => {
      while (next < orders.length && !this.signal.aborted) {
        const order = next < allowed() ? orders[next] : undefined;
        if (order === undefined) await wait(10);
        else {
          next += 1;
          const done = await work(order);
          if (done === null) this.oddities.push(`${order.marker} was not done in time`);
          else push(done);
        }
      }
    });
  }

  /** Submits all orders; those that were accepted. */
  submit(orders: readonly Order[], allowed?: () => number): Promise<Accepted[]> {
    return this.each(orders, (order) => this.client.submit(order), allowed === undefined ? {} : { allowed });
  }

  /** Polls each job to its end. In a hosted gateway the clock is put forward for those whose message was lost. */
  async ends(accepted: readonly Accepted[]): Promise<DrillJob[]> {
    let next = 0;
    const done = new AbortController();
    const nudging = this.#hosted.length === 0 ? Promise.resolve() : this.#nudge(done.signal);
    const jobs = await inParallel(READERS, async (push: (job: DrillJob) => void) => {
      for (let job = accepted[next++]; job !== undefined; job = accepted[next++]) {
        push({ ...job, end: await this.client.end(job.id) });
      }
    });
    done.abort();
    await nudging;
    return jobs;
  }

  async #nudge(done: AbortSignal): Promise<void> {
    for (let quiet = 0; !done.aborted && !this.signal.aborted; await wait(LOOK_MS)) {
      quiet = this.upstream.open() === 0 && this.ground.messages() === 0 ? quiet + LOOK_MS : 0;
      if (quiet < QUIET_MS) continue;
      quiet = 0;
      this.nudges++;
      this.clock.ahead += MINUTE_MS;
    }
  }

  /** Ends everything, and gathers what is on record. */
  async close(
    jobs: readonly DrillJob[],
    { reasons = [], storingMs = STORING_MS }: { reasons?: readonly string[]; storingMs?: number } = {},
  ): Promise<Evidence> {
    this.#checkProcess();
    const left = await this.#drained();
    const leftovers = [...left, ...(await this.ground.leftovers())];
    await this.#process?.end('SIGTERM');
    await this.abandon();
    const oddities = [...this.client.oddities, ...this.oddities];
    const { kills, troubles } = this;
    return { jobs, calls: this.upstream.calls, kills, troubles, leftovers, oddities, storingMs, reasons };
  }

  /** Lets go of everything, also in the middle of a drill that has failed. */
  async abandon(): Promise<void> {
    clearTimeout(this.#timer);
    clearInterval(this.#hurrying);
    await this.#process?.end('SIGKILL');
    for (const gateway of this.#hosted.splice(0)) await gateway.stop();
    await this.client.close();
    await this.upstream.stop();
    await this.ground.stop();
  }

  /** Waits for the last messages: they find their jobs ended. */
  async #drained(): Promise<string[]> {
    const until = Date.now() + DRAIN_MS;
    while (this.ground.messages() > 0 && Date.now() < until) {
      this.ground.hurry();
      await wait(LOOK_MS);
    }
    const count = this.ground.messages();
    return count === 0 ? [] : [`${count} messages of the queue`];
  }
}

export async function openScene(options: SceneOptions): Promise<Scene> {
  return new Scene(options, await startDrillUpstream(options.plan));
}

/** Runs `work` so many times at once; what they have pushed. */
async function inParallel<T>(width: number, work: (push: (item: T) => void) => Promise<void>): Promise<T[]> {
  const found: T[] = [];
  await Promise.all(Array.from({ length: width }, () => work((item) => found.push(item))));
  return found;
}

/** So many orders, each with a marker of its own; a part of them asks for a stream. */
export function ordersOf(name: string, count: number, isStream: (at: number) => boolean = () => false): Order[] {
  return Array.from({ length: count }, (_, at) => {
    const marker = `${name}-${at}`;
    return { marker, body: bodyOf(marker, isStream(at)) };
  });
}
