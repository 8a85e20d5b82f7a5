import { type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Reply } from './retry.ts';

export interface Call {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** One HTTP request on a connection of its own; what goes wrong is a reply too. */
export async function call(
  { url, method, headers, body }: Call,
  timeoutMs: number,
  stopped: AbortSignal,
): Promise<Reply> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(new Error(`no answer after ${timeoutMs} ms`)), timeoutMs);
  const signal = AbortSignal.any([stopped, timeout.signal]);
  const target = new URL(url);
  const open = target.protocol === 'https:' ? requestHttps : requestHttp;
  try {
    const message = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = open(target, { method, headers, agent: false, signal });
      outgoing.on('response', resolve).on('error', reject).end(body);
    });
    const parts: Buffer[] = [];
    for await (const part of message) parts.push(part);
    return { status: message.statusCode ?? 0, headers: flat(message.headers), body: Buffer.concat(parts) };
  } catch (error) {
    const reason = signal.aborted ? signal.reason : error;
    return { status: 0, headers: {}, body: Buffer.from(reason instanceof Error ? reason.message : String(reason)) };
  } finally {
    clearTimeout(timer);
  }
}

/** Headers with one value each: lists joined, absent ones left out. */
export function flat(headers: IncomingHttpHeaders): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return Object.fromEntries(entries);
}
