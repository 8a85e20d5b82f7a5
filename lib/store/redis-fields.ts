import { decodeBase64, encodeBase64 } from 'hono/utils/encode';
import * as z from 'zod';
import { isEnded, type Job } from '../jobs/job.ts';
import { parseJob } from './record.ts';
import type { NewChunk, ResultChunk } from './store.ts';

/** A job as the scripts keep it: see redis-scripts.ts. */
export interface JobFields {
  readonly facts: string;
  readonly state: string;
  readonly end: string;
}

/** A job as it was read, with the text that a later write compares. */
export interface Snapshot {
  readonly job: Job;
  readonly state: string;
}

/** @param claim kept with the state, where a script has to tell two of the same apart */
export function encodeFields(job: Job, claim?: string): JobFields {
  const {
    profile: _,
    id,
    owner,
    service,
    method,
    model,
    createdAt,
    ttlMs,
    timeoutMs,
    retries,
    inPlace,
    cut,
    hasWebhook,
    request,
    ...state
  } = job;
  const facts = {
    id,
    owner,
    service,
    method,
    model,
    createdAt,
    ttlMs,
    timeoutMs,
    retries,
    inPlace,
    cut,
    hasWebhook,
    request,
  };
  // What only an end has, and only it can hold text of foreign making: kept where no script decodes it.
  const end = { result: 'result' in job ? job.result : undefined, usage: 'usage' in job ? job.usage : undefined };
  const error = 'error' in job ? job.error : undefined;
  const webhook = 'webhook' in job ? job.webhook : undefined;
  const plain = { ...state, result: undefined, usage: undefined, error: undefined, webhook: undefined, claim };
  return {
    facts: JSON.stringify(facts),
    state: JSON.stringify(plain),
    end: JSON.stringify({ ...end, error, webhook }),
  };
}

const fields = z.tuple([z.string(), z.string(), z.string().nullable(), z.string()]);

/** What the scripts' `fields` gave. */
export function decodeFields(reply: unknown): Snapshot {
  const [facts, state, end, profile] = fields.parse(reply);
  const members = { ...JSON.parse(facts), ...JSON.parse(state), ...JSON.parse(end ?? '{}') };
  return { job: parseJob(members, bytesOf(profile)), state };
}

/** The job with the state that a script has written since. */
export function withState({ job }: Snapshot, state: string): Snapshot {
  const { facts, end } = encodeFields(job);
  return { job: parseJob({ ...JSON.parse(facts), ...JSON.parse(state), ...JSON.parse(end) }, job.profile), state };
}

/** Redis holds text: bytes travel as base64, a chunk of a result behind the number of events before it. */
export function textOf(bytes: Uint8Array | null): string {
  return bytes === null ? '' : encodeBase64(Uint8Array.from(bytes).buffer);
}

export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return decodeBase64(text);
}

export function chunkText({ eventsBefore, bytes }: NewChunk): string {
  return `${eventsBefore} ${textOf(bytes)}`;
}

export function chunkOf(index: number, text: string): ResultChunk {
  const space = text.indexOf(' ');
  return { index, eventsBefore: Number(text.slice(0, space)), bytes: bytesOf(text.slice(space + 1)) };
}

/** A job that has not ended must outlast its time by as much as somebody may take to look at it. */
const MARGIN_MS = 7 * 86_400_000;

/** Milliseconds that Redis keeps the job if nothing changes. */
export function keepMs(job: Job, now: number): number {
  const left = Math.max(1, job.expiresAt - now);
  return isEnded(job) ? left : left + job.timeoutMs + job.ttlMs + MARGIN_MS;
}
