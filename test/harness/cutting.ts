import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { isEventStream } from '../../lib/http/sse.ts';

/** How the line breaks. */
export interface Cut {
  /** Whole events of an answer that come through. */
  readonly after: number;
  /** The first answer alone, or each one until its end comes through. */
  readonly which: 'first' | 'each';
  /** Half of the event after them comes through as well. */
  readonly torn?: boolean;
}

/** A line that breaks: a proxy of the tests before a gateway. */
export interface CuttingProxy {
  readonly url: string;
  /** Where the gateway's `path` is, on a line that breaks so. */
  cut(path: string, cut: Cut): string;
  /** Answers broken so far of what is asked for at an address of {@link cut}. */
  broken(url: string): number;
  /** `Last-Event-ID` of the requests there; `null` where one had none. */
  asked(url: string): readonly (string | null)[];
  /** Tells that the reader there has this many events: the line does not break before it has all that came through. */
  received(url: string, events: number): void;
  stop(): Promise<void>;
}

/** Told at the start of each stream, so that no test waits for the seconds after which a browser comes again by itself. */
const SOON = 'retry: 10\n\n';

/**
 * Hands requests on to `target`, and breaks the connections of event streams after so many whole events. Nothing else of
 * an answer is changed, but that a reader is told to come again soon.
 */
export async function startCuttingProxy(target: string): Promise<CuttingProxy> {
  const lines: Line[] = [];
  const lineOf = new Map<string, Line>();
  const server = createServer((incoming, response) => {
    const [, number = '', path = ''] = /^\/line-(\d+)(\/.*)$/.exec(incoming.url ?? '') ?? [];
    const line = lines[Number(number)];
    if (line === undefined || number === '') return void response.writeHead(404).end();
    line.handOn(incoming, response, new URL(path, target));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const url = `http://127.0.0.1:${address.port}`;
  const lineAt = (at: string) => {
    const line = lineOf.get(at);
    if (line === undefined) throw new Error(`no such line: ${at}`);
    return line;
  };
  return {
    url,
    cut(path, cut) {
      const line = new Line(cut);
      const at = `${url}/line-${lines.push(line) - 1}${path}`;
      lineOf.set(at, line);
      return at;
    },
    broken: (at) => lineAt(at).broken,
    asked: (at) => lineAt(at).asked,
    received: (at, events) => lineAt(at).received(events),
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

class Line {
  readonly #cut: Cut;
  readonly asked: (string | null)[] = [];
  broken = 0;
  /** Events that came through, and those that the reader has. */
  #given = 0;
  #received = 0;
  #break: (() => void) | null = null;

  constructor(cut: Cut) {
    this.#cut = cut;
  }

  /** A browser gives a page nothing more of an answer once it knows that its connection is gone, whatever had come of it. */
  received(events: number): void {
    this.#received = events;
    if (this.#received < this.#given) return;
    this.#break?.();
    this.#break = null;
  }

  handOn(incoming: IncomingMessage, response: ServerResponse, url: URL): void {
    const { method, headers } = incoming;
    const id = headers['last-event-id'];
    this.asked.push(typeof id === 'string' ? id : null);
    const breaks = this.#cut.which === 'each' || this.asked.length === 1;
    const outgoing = request(url, { method, headers: { ...headers, host: url.host }, agent: false });
    // Also when the answer has been broken off here: the gateway must see that its reader has gone.
    response.on('close', () => outgoing.destroy());
    outgoing.on('error', () => response.destroy());
    outgoing.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      const isStream = isEventStream(answer.headers['content-type'] ?? null);
      if (isStream) response.write(SOON);
      const cutter = isStream && breaks ? new Cutter(this.#cut) : null;
      answer.on('data', (bytes: Buffer) => {
        response.write(cutter === null ? bytes : cutter.push(bytes));
        if (cutter?.isDone !== true) return;
        answer.pause();
        this.#given += this.#cut.after;
        this.#break = () => {
          this.broken++;
          response.destroy();
        };
        this.received(this.#received);
      });
      answer.on('end', () => response.end());
      answer.on('error', () => response.destroy());
    });
    outgoing.end();
  }
}

/** Lets so many whole events through. */
class Cutter {
  readonly #cut: Cut;
  #held = '';
  #given = 0;
  isDone = false;

  constructor(cut: Cut) {
    this.#cut = cut;
  }

  /** What comes through: events at their end, each whole. The gateway ends its lines with LF. */
  push(bytes: Buffer): Buffer {
    // Byte by byte a character, as a piece may end within one.
    const blocks = `${this.#held}${bytes.toString('latin1')}`.split(/(?<=\n\n)/);
    this.#held = blocks.at(-1)?.endsWith('\n\n') === false ? (blocks.pop() ?? '') : '';
    const through: string[] = [];
    for (const block of blocks) {
      if (this.isDone) break;
      if (this.#given === this.#cut.after) {
        // One that has come whole, so that half of it is never a whole one.
        if (this.#cut.torn === true && isEvent(block)) {
          through.push(block.slice(0, block.length >> 1));
          this.isDone = true;
        } else through.push(block);
        continue;
      }
      through.push(block);
      if (isEvent(block)) this.#given++;
      this.isDone = this.#given === this.#cut.after && this.#cut.torn !== true;
    }
    return Buffer.from(through.join(''), 'latin1');
  }
}

/** Heartbeats are none: neither comments, nor Anthropic's pings, whose number depends on the clock. */
function isEvent(block: string): boolean {
  return /^data/m.test(block) && !block.startsWith('event: ping\n');
}
