import { Client, Receiver } from '@upstash/qstash';
import { type Asked, type JsonAnswer, type Outcome, serve } from '../http.ts';
import { type QStash, type QStashOptions, startQStash } from '../qstash.ts';

type Answer = Partial<JsonAnswer> | ((asked: Asked) => Promise<Outcome>);

/** A stand-in, a client of the vendor's, and a destination behind it, for one proof. */
export interface Bench {
  readonly qstash: QStash;
  readonly client: Client;
  /** A URL of the destination that gives these answers in turn, the last one for ever; 200 if there are none. */
  at(path: string, ...answers: readonly Answer[]): string;
  /** Requests to the destination: of that path, or all. */
  received(path?: string): Asked[];
  /** Bodies of those requests, as text. */
  bodies(path?: string): string[];
  /** Checks a request as a user of the SDK does; throws when it is not genuine. */
  verify(asked: Asked, keys?: { current: string; next: string }): Promise<boolean>;
  stop(): Promise<void>;
}

export async function startBench(options: QStashOptions = {}): Promise<Bench> {
  const answers = new Map<string, Answer[]>();
  const received: Asked[] = [];
  const door = await serve(async (asked) => {
    received.push(asked);
    const planned = answers.get(asked.path) ?? [];
    const answer = planned.length > 1 ? planned.shift() : planned[0];
    return typeof answer === 'function' ? answer(asked) : { status: 200, body: {}, ...answer };
  });
  const qstash = await startQStash({ speed: 1000, ...options });
  const { url: baseUrl, token } = qstash;
  const of = (path?: string) => received.filter((asked) => path === undefined || asked.path === path);
  return {
    qstash,
    client: new Client({
      baseUrl,
      token,
      enableTelemetry: false,
      devMode: false,
      retry: { retries: 2, backoff: () => 1 },
    }),
    at(path, ...planned) {
      answers.set(path, [...planned]);
      return door.url + path;
    },
    received: of,
    bodies: (path) => of(path).map(({ body }) => body.toString()),
    verify(asked, { current, next } = qstash.keys()) {
      const receiver = new Receiver({ currentSigningKey: current, nextSigningKey: next, devMode: false });
      const signature = String(asked.headers['upstash-signature']);
      return receiver.verify({ signature, body: asked.body.toString(), url: door.url + asked.target });
    },
    async stop() {
      await qstash.stop();
      await door.stop();
    },
  };
}
