import { connect } from 'node:net';
import { expect } from 'vitest';
import { errorBody } from './client.ts';

/** One answer as it stands on the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Longest wait for the end of a connection that the other side should end. */
const PATIENCE_MS = 10_000;

/**
 * Sends bytes that no HTTP client would, and gives every answer that came until the connection's end.
 * @param end whether the sending side is closed behind the bytes; else the gateway has to end the connection
 * @param leaveAfter milliseconds after which the client goes, content with what has come
 */
export function exchange(
  url: string,
  bytes: string | Buffer,
  { end = false, leaveAfter }: { end?: boolean; leaveAfter?: number } = {},
): Promise<RawAnswer[]> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    const socket = connect(Number(port), hostname);
    const timer = setTimeout(() => {
      socket.destroy();
      if (leaveAfter !== undefined) return;
      reject(new Error(`the connection was not ended; so far: ${Buffer.concat(parts).toString('latin1')}`));
    }, leaveAfter ?? PATIENCE_MS);
    socket.on('data', (part) => parts.push(part));
    // Cut by the gateway while bytes were still on their way: what has come until then is the answer.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answersIn(Buffer.concat(parts).toString('latin1')));
    });
    const sent = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    if (end) socket.end(sent);
    else socket.write(sent);
  });
}

/** A request's head and body, its lines ended as HTTP wants it. */
export function lines(...all: readonly string[]): string {
  return all.join('\r\n');
}

function answersIn(text: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let rest = text; rest !== ''; ) {
    const [, digits, fields, after] =
      /^HTTP\/1\.1 (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n([\s\S]*)$/.exec(rest) ?? [];
    if (digits === undefined || fields === undefined || after === undefined) throw new Error(`no answer: ${rest}`);
    const status = Number(digits);
    const headers = new Headers();
    for (const field of fields.split('\r\n').filter(Boolean)) {
      const colon = field.indexOf(':');
      headers.append(field.slice(0, colon), field.slice(colon + 1).trim());
    }
    const { body, left } = bodyIn(after, status, headers);
    rest = left;
    if (status >= 200) answers.push({ status, headers, body });
  }
  return answers;
}

function bodyIn(text: string, status: number, headers: Headers): { body: string; left: string } {
  if (status < 200 || status === 204 || status === 304) return { body: '', left: text };
  const length = headers.get('content-length');
  if (length !== null) return { body: text.slice(0, Number(length)), left: text.slice(Number(length)) };
  if (headers.get('transfer-encoding') !== 'chunked') return { body: text, left: '' };
  let body = '';
  for (let left = text; ; ) {
    const [line = '', size = ''] = /^([0-9a-f]+)\r\n/i.exec(left) ?? [];
    const bytes = Number.parseInt(size, 16);
    // Broken off, or at its end.
    if (size === '' || bytes === 0) return { body, left: size === '' ? '' : left.slice(line.length + 2) };
    body += left.slice(line.length, line.length + bytes);
    left = left.slice(line.length + bytes + 2);
  }
}

/** The error of an answer, which must be of the one shape. */
export function errorOf(answer: RawAnswer | undefined) {
  if (answer === undefined) throw new Error('there is no answer');
  const { error, status } = errorBody.parse(JSON.parse(answer.body));
  expect(status).toBe(answer.status);
  expect(answer.headers.get('x-request-id')).toBe(error.request_id);
  return error;
}
