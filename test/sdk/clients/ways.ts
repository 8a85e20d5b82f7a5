import { expect } from 'vitest';
import { jobIn } from '../../harness/client.ts';
import type { Client, Connection, Fetch } from './client.ts';

/** What a client gets through the gateway, and what it gets without one. */
export interface Compared {
  readonly through: unknown;
  readonly direct: unknown;
  /** Whether the gateway has made the stream. */
  readonly isReplay: boolean;
}

/** One way to reach a provider through the gateway. */
export interface Way {
  readonly name: string;
  /** Whether the provider is to be asked for a stream; for several calls, in any order. */
  readonly asks: readonly boolean[];
  /** Whether the client can go it. */
  fits(client: Client): boolean;
  run(client: Client, gateway: Connection, direct: Connection): Promise<readonly Compared[]>;
}

const ASYNC = { prefer: 'respond-async' };
const always = () => true;

const sync: Way = {
  ...{ name: 'sync', asks: [false], fits: always },
  run: async (client, gateway, direct) => [
    { through: await client.whole(gateway), direct: await client.whole(direct), isReplay: false },
  ],
};

const nativeStream: Way = {
  ...{ name: 'native stream', asks: [true], fits: always },
  run: async (client, gateway, direct) => [
    { through: await client.streamed(gateway), direct: await client.streamed(direct), isReplay: false },
  ],
};

const fakeStream: Way = {
  ...{ name: 'fake stream', asks: [false], fits: always },
  async run(client, gateway, direct) {
    const through = await client.streamed({ ...gateway, headers: { 'x-gateway-stream': 'replay' } });
    return [{ through, direct: await client.streamed(direct), isReplay: true }];
  },
};

const jobAndReplay: Way = {
  ...{ name: 'job + replay', asks: [false], fits: always },
  async run(client, gateway, direct) {
    const jobs = new Jobs();
    const whole = await client.whole({ ...gateway, headers: ASYNC, fetch: jobs.submit });
    const streamed = await client.streamed({ ...gateway, fetch: jobs.read });
    return [
      { through: whole, direct: await client.whole(direct), isReplay: false },
      { through: streamed, direct: await client.streamed(direct), isReplay: true },
    ];
  },
};

const streamedJob: Way = {
  ...{ name: 'streamed job', asks: [true], fits: always },
  async run(client, gateway, direct) {
    const through = await client.streamed({ ...gateway, headers: ASYNC, fetch: new Jobs().submitAndRead });
    return [{ through, direct: await client.streamed(direct), isReplay: false }];
  },
};

/** Where a stream of so many events is left, and gone on with. */
const leftAt = (count: number) => [0, 1, Math.floor(count / 2), count - 2];

/** Without a direct way to compare with: no provider's stream can be gone on with so. */
export const continuedJob: Way = {
  ...{ name: 'continued job', asks: [false, true], fits: ({ events }) => events !== undefined },
  async run(client, gateway) {
    const jobs = new Jobs();
    await client.whole({ ...gateway, headers: ASYNC, fetch: jobs.submit });
    await client.streamed({ ...gateway, headers: ASYNC, fetch: jobs.submitAndRead });
    return (await Promise.all(jobs.streams.map((url) => continued(client, gateway, url)))).flat();
  },
};

async function continued({ events = noEvents }: Client, gateway: Connection, url: string): Promise<Compared[]> {
  const all = await events(gateway, url);
  expect(all.length).toBeGreaterThan(4);
  const parts = leftAt(all.length).map(async (after) => ({
    through: await events(gateway, `${url}?starting_after=${after}`),
    direct: all.slice(after + 1),
    isReplay: false,
  }));
  return Promise.all(parts);
}

async function noEvents(): Promise<never> {
  throw new Error('The client reads no stream by its URL.');
}

/** In the order of the table. */
export const WAYS: readonly Way[] = [sync, nativeStream, fakeStream, jobAndReplay, streamedJob, continuedJob];

/** The jobs of a client, whose `fetch` brings it to where they are: no client has a name for those URLs. */
class Jobs {
  readonly streams: string[] = [];

  /** Sends a call that asks to be a job, and gives back its result. */
  readonly submit: Fetch = async (input, init) => {
    const { urls } = await sent(input, init);
    this.streams.push(urls.stream);
    await fetch(`${urls.get}?wait=30`, readingAs(init));
    return fetch(urls.result, readingAs(init));
  };

  /** In place of the n-th call reads the stream of the n-th job. */
  readonly read: Fetch = async (_input, init) => {
    const url = this.streams.shift();
    if (url === undefined) throw new Error('There are fewer jobs than calls.');
    return fetch(url, readingAs(init));
  };

  /** Sends a call that asks to be a job, and gives back its stream at once. */
  readonly submitAndRead: Fetch = async (input, init) => {
    const { urls } = await sent(input, init);
    this.streams.push(urls.stream);
    return fetch(urls.stream, readingAs(init));
  };
}

async function sent(input: Parameters<Fetch>[0], init: RequestInit | undefined) {
  const response = await fetch(input, init);
  expect(response.status).toBe(202);
  return jobIn(response);
}

/** A read with the credentials, and the signal, of the call. */
function readingAs(init: RequestInit | undefined): RequestInit {
  const headers = new Headers(init?.headers);
  for (const name of ['prefer', 'content-type', 'content-length']) headers.delete(name);
  return { headers, signal: init?.signal ?? null };
}
