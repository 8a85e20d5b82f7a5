import { GatewayError } from '../http/errors.ts';
import type { JobsContext } from './context.ts';
import { isEnded, type Job } from './job.ts';
import { repair } from './send.ts';

/** Longest wait without looking at the job again: its own time may have run out meanwhile. */
const LOOK_MS = 15_000;

/** The job at its next version, or as it is after `ms` or on abort. @throws GatewayError `job_not_found` if it goes */
export async function nextVersion(context: JobsContext, job: Job, ms: number, signal: AbortSignal): Promise<Job> {
  const next = await context.store.changed(job.id, job.version, ms, signal);
  if (next === null) throw new GatewayError('job_not_found');
  return repair(context, next === 'same' ? job : next);
}

/** The job at its end, or as it is after `ms` or on abort. Whoever waits no longer changes nothing for the job. */
export function waitForEnd(context: JobsContext, job: Job, ms: number, signal: AbortSignal): Promise<Job> {
  return waitUntil(context, job, isEnded, ms, signal);
}

/** As {@link waitForEnd}, or once the first events of a streamed answer are there. */
export function waitForEvents(context: JobsContext, job: Job, ms: number, signal: AbortSignal): Promise<Job> {
  return waitUntil(context, job, (current) => isEnded(current) || hasEvents(current), ms, signal);
}

export function hasEvents({ progress }: Job): boolean {
  return progress !== null && progress.events !== null;
}

async function waitUntil(
  context: JobsContext,
  job: Job,
  enough: (job: Job) => boolean,
  ms: number,
  signal: AbortSignal,
): Promise<Job> {
  const until = context.clock.now() + ms;
  let current = job;
  while (!enough(current) && !signal.aborted) {
    const left = until - context.clock.now();
    if (left <= 0) break;
    current = await nextVersion(context, current, Math.min(left, LOOK_MS), signal);
  }
  return current;
}

/** Seconds after which polling again makes sense: soon for a young job, seldom for one that takes minutes. */
export function pollDelay(job: Job, now: number): number {
  if (job.status === 'queued' && job.dueAt > now) return Math.min(60, Math.max(1, Math.ceil((job.dueAt - now) / 1000)));
  const age = now - (job.startedAt ?? job.createdAt);
  return Math.min(10, Math.max(1, Math.round(age / 10_000)));
}
