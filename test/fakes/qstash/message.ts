import { randomUUID } from 'node:crypto';
import { durationMs } from './duration.ts';
import { compileDelay } from './expression.ts';
import type { Limits } from './gate.ts';

/** What a message is made from, kept so that it can be made again: from the DLQ, or from a schedule. */
export interface Source {
  readonly destination: string;
  /** As they came with the request, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly queue?: string;
  readonly scheduleId?: string;
}

export interface Message {
  readonly id: string;
  readonly url: string;
  readonly method: string;
  /** What is sent along: the content type and whatever was to be forwarded. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly createdAt: number;
  /** Unix milliseconds, not yet divided by the speed. */
  readonly notBefore: number;
  readonly retries: number;
  readonly retryDelay: string | null;
  readonly timeoutMs: number | null;
  readonly labels: readonly string[];
  readonly flowControl: { readonly key: string; readonly limits: Limits } | null;
  readonly callback: string | null;
  readonly failureCallback: string | null;
  readonly source: Source;
}

/** A request that the vendor would answer with 400. */
export class Invalid extends Error {}

const DEFAULT_RETRIES = 3;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** @throws Invalid */
export function readMessage(source: Source): Message {
  const header = (name: string) => source.headers[`upstash-${name}`] ?? null;
  const createdAt = Date.now();
  const method = header('method') ?? 'POST';
  if (!METHODS.includes(method)) throw new Invalid(`invalid method: ${method}`);
  const retryDelay = header('retry-delay');
  if (retryDelay !== null) checkDelay(retryDelay);
  return {
    id: `msg_${randomUUID().replaceAll('-', '')}`,
    url: readUrl(source.destination),
    method,
    headers: forwarded(source.headers),
    body: source.body,
    createdAt,
    notBefore: readDue(header('not-before'), header('delay'), createdAt),
    retries: readCount('retries', header('retries')) ?? DEFAULT_RETRIES,
    retryDelay,
    timeoutMs: readDuration('timeout', header('timeout')),
    labels:
      header('label')
        ?.split(',')
        .map((label) => label.trim()) ?? [],
    flowControl: readFlow(header('flow-control-key'), header('flow-control-value')),
    callback: readCallback(header('callback')),
    failureCallback: readCallback(header('failure-callback')),
    source,
  };
}

function readUrl(destination: string): string {
  // Never decoded: what the caller has written is what is called and what is signed.
  const url = destination.replace(/#.*$/s, '');
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new Invalid('invalid destination url: endpoint has invalid scheme, add http:// or https:// in front of it');
  }
  return url;
}

function readCallback(url: string | null): string | null {
  return url === null ? null : readUrl(url);
}

function checkDelay(expression: string): void {
  try {
    compileDelay(expression)(0);
  } catch (cause) {
    throw new Invalid(`invalid Upstash-Retry-Delay: ${expression}`, { cause });
  }
}

function readDue(notBefore: string | null, delay: string | null, now: number): number {
  const at = readCount('not-before', notBefore);
  if (at !== null) return Math.max(now, at * 1000);
  return now + (readDuration('delay', delay) ?? 0);
}

function readCount(name: string, value: string | null): number | null {
  if (value === null) return null;
  if (!/^\d+$/.test(value)) throw new Invalid(`invalid Upstash-${name}: ${value}`);
  return Number(value);
}

function readDuration(name: string, value: string | null): number | null {
  if (value === null) return null;
  const ms = durationMs(value);
  if (ms === null) throw new Invalid(`invalid Upstash-${name}: ${value}, a duration such as 10s is wanted`);
  return ms;
}

function readFlow(key: string | null, value: string | null): Message['flowControl'] {
  if (key === null) return null;
  const limits = { parallelism: Number.POSITIVE_INFINITY, rate: Number.POSITIVE_INFINITY, periodMs: 1000 };
  for (const part of (value ?? '').split(',')) {
    const [name = '', set = ''] = part.split('=').map((word) => word.trim());
    const number = name === 'period' ? (durationMs(set) ?? Number(set) * 1000) : Number(set);
    if (!(number > 0)) throw new Invalid(`invalid Upstash-Flow-Control-Value: ${value}`);
    if (name === 'parallelism') limits.parallelism = number;
    else if (name === 'rate' || name === 'ratepersecond') limits.rate = number;
    else if (name === 'period') limits.periodMs = number;
    else throw new Invalid(`invalid Upstash-Flow-Control-Value: ${value}`);
  }
  return { key, limits };
}

function forwarded(headers: Readonly<Record<string, string>>): Record<string, string> {
  const prefix = 'upstash-forward-';
  const passed = Object.entries(headers)
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, value]) => [name.slice(prefix.length), value]);
  const type = headers['content-type'];
  return { ...(type === undefined ? {} : { 'content-type': type }), ...Object.fromEntries(passed) };
}

/** As the API shows it. */
export function describeMessage(message: Message) {
  const { flowControl, labels, source } = message;
  const { parallelism, rate, periodMs } = flowControl?.limits ?? {};
  return {
    messageId: message.id,
    url: message.url,
    method: message.method,
    header: listed(message.headers),
    ...asText('body', message.body),
    maxRetries: message.retries,
    retryDelayExpression: message.retryDelay ?? undefined,
    notBefore: message.notBefore,
    createdAt: message.createdAt,
    callback: message.callback ?? undefined,
    failureCallback: message.failureCallback ?? undefined,
    queueName: source.queue,
    scheduleId: source.scheduleId,
    callerIP: '127.0.0.1',
    label: labels[0],
    labels: labels.length > 0 ? labels : undefined,
    flowControlKey: flowControl?.key,
    parallelism: Number.isFinite(parallelism) ? parallelism : undefined,
    rate: Number.isFinite(rate) ? rate : undefined,
    period: periodMs === undefined ? undefined : periodMs / 1000,
  };
}

/** Headers as the vendor lists them: each name with all of its values. */
export function listed(headers: Readonly<Record<string, string>>): Record<string, string[]> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
}

/** `{name: text}`, or `{nameBase64}` where the bytes are no UTF-8. */
export function asText(name: string, bytes: Buffer): Record<string, string> {
  const text = bytes.toString();
  return Buffer.from(text).equals(bytes) ? { [name]: text } : { [`${name}Base64`]: bytes.toString('base64') };
}
