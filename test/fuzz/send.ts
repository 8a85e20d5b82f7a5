import { type Agent, type IncomingMessage, request } from 'node:http';
import { exchange } from '../harness/raw.ts';
import type { Generated } from './grammar.ts';
import type { Told } from './judge.ts';

/** How long (ms) a client stays that has asked for something that is held. */
const HELD_MS = 1_000;
/** Longer than anything else takes: who waits so long has been forgotten. */
const FORGOTTEN_MS = 20_000;

/** `left`: the client went before the answer's end, as it may of one that is held. */
export type Outcome = Told | 'left';

/** Sends a request as a client of Node's does. Rejects where no answer comes. */
export function send(url: string, agent: Agent, generated: Generated): Promise<Outcome> {
  const { method, target, body } = generated;
  const { hostname, port } = new URL(url);
  const hasBody = body.byteLength > 0 && method !== 'TRACE';
  const headers = [...generated.headers, ['host', `${hostname}:${port}`]].flat();
  if (hasBody) headers.push('content-length', String(body.byteLength));
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, method, path: target, headers, agent });
    const stay = isHeld(generated) ? HELD_MS : FORGOTTEN_MS;
    const timer = setTimeout(() => {
      outgoing.destroy();
      if (stay === HELD_MS) resolve('left');
      else reject(new Error('no answer'));
    }, stay);
    outgoing.once('error', (error) => reject(explained(error)));
    outgoing.once('response', (response) => {
      read(response).then(resolve, reject);
    });
    outgoing.once('close', () => clearTimeout(timer));
    outgoing.end(hasBody ? body : undefined);
  });
}

/** With the bytes that the client's parser could not read. */
function explained(error: Error): Error {
  if (!('rawPacket' in error) || !Buffer.isBuffer(error.rawPacket)) return error;
  return new Error(`${error.message}: ${error.rawPacket.toString('latin1').slice(0, 300)}`, { cause: error });
}

async function read(response: IncomingMessage): Promise<Told> {
  const parts: Buffer[] = [];
  try {
    for await (const part of response) parts.push(part);
  } catch (error) {
    // A body that its provider breaks off is broken off here; the head has been told.
    if (!(error instanceof Error && 'code' in error && error.code === 'ECONNRESET')) throw error;
  }
  const headers = new Headers();
  const { rawHeaders, statusCode = 0 } = response;
  for (let at = 0; at < rawHeaders.length; at += 2) headers.append(rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '');
  return { status: statusCode, headers, body: Buffer.concat(parts).toString('latin1') };
}

/** Whether its answer may be held, or come for as long as a job lasts. */
function isHeld({ target, headers }: Generated): boolean {
  const told = new Headers(headers.map(([name, value]): [string, string] => [name, value]));
  const asks = [
    'prefer',
    'idempotency-key',
    'x-demo-fail',
    'x-demo-delay-ms',
    'x-demo-length',
    'x-demo-token-delay-ms',
  ];
  return asks.some((name) => told.has(name)) || /wait|stream|job/.test(`${target}${told.get('accept')}`);
}

/** The bytes of a request, as they are on the wire. */
export function wireOf({ method, target, headers, body }: Generated): Buffer {
  const head = [`${method} ${target} HTTP/1.1`, 'Host: 127.0.0.1', 'Connection: close'];
  const all = [...head, ...headers.map(([name, value]) => `${name}: ${value}`), `Content-Length: ${body.byteLength}`];
  return Buffer.concat([Buffer.from(`${all.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}

/** Sends bytes, whatever they are, and closes. */
export async function sendRaw(url: string, bytes: Buffer): Promise<readonly Told[]> {
  return exchange(url, bytes, { end: true, leaveAfter: HELD_MS });
}
