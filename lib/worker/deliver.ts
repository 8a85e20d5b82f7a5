import { GatewayError } from '../http/errors.ts';
import { isEnded, type QueuedJob, type RunningJob } from '../jobs/job.ts';
import { sendJob } from '../jobs/send.ts';
import type { Settled } from '../store/store.ts';
import type { DeliveryContext, WorkerContext } from './context.ts';
import { LeaseKeeper } from './lease.ts';
import { forgetLost, rememberLost, resultNotStored } from './lost-answers.ts';
import { patiently } from './patiently.ts';
import { type Attempt, runAttempt } from './run.ts';
import { DeliveryTime } from './time.ts';

/** A little longer than asked for, so that a delivery does not come just before the lease has run out. */
const HELD_MARGIN_MS = 100;

/**
 * One delivery: verify, claim, run, settle. The answer speaks to the queue: 200 ends the message, 503 brings it back
 * after `Retry-After`, 489 says that it can never be delivered.
 */
export async function deliver(context: WorkerContext, request: Request): Promise<Response> {
  const { queue, store, log, clock } = context;
  const delivery: DeliveryContext = { ...context, time: new DeliveryTime(context.config.functionLimit) };
  const received = await queue.receive(request);
  if (received.kind === 'unauthorized') throw new GatewayError('delivery_unauthorized');
  if (received.kind !== 'delivery') return undeliverable();
  const { jobId: id, generation } = received;
  const claimed = await store.claim(id, context.leaseMs, generation);
  switch (claimed.kind) {
    case 'gone':
    case 'superseded':
      return done(claimed.kind);
    case 'ended':
      return done(claimed.job.status);
    case 'held':
      return later(claimed.until - clock.now() + HELD_MARGIN_MS);
    case 'early':
      return later(claimed.dueAt - clock.now());
    case 'claimed':
      break;
  }
  const { job } = claimed;
  const lease = new LeaseKeeper(context, job);
  try {
    const attempt = await runAttempt(delivery, claimed, lease.signal);
    const settled = await settle(delivery, job, attempt);
    forgetLost(store, job);
    if (settled.kind === 'fenced') return done('fenced');
    log.info('attempt ended', { job: id, service: job.service, attempt: job.attempts, outcome: attempt.outcome.kind });
    return isEnded(settled.job) ? done(settled.job.status) : await sendAfresh(context, settled.job);
  } finally {
    lease.stop();
  }
}

/**
 * The next attempt has a message of its own: a queue gives up each after some deliveries, far fewer than a job may have
 * attempts. This one ends, unless the other could not be sent.
 */
async function sendAfresh(context: WorkerContext, job: QueuedJob): Promise<Response> {
  try {
    await sendJob(context, job);
    return done(job.status);
  } catch (error) {
    context.log.warn('the next attempt could not be queued', { job: job.id, error });
    return later(job.dueAt - context.clock.now());
  }
}

/** The provider has been paid: neither may a store that fails for a moment cost the result, nor one that cannot take it a second call. */
async function settle(context: DeliveryContext, job: RunningJob, { outcome, last }: Attempt): Promise<Settled> {
  const { store, log } = context;
  try {
    return await patiently(() => store.settle(job.id, job.attempts, outcome, last), context, { job: job.id });
  } catch (error) {
    if (outcome.kind !== 'completed' && outcome.kind !== 'failed') throw error;
    log.error('a result could not be stored', { job: job.id, attempt: job.attempts, error });
    rememberLost(store, job);
    return patiently(() => store.settle(job.id, job.attempts, resultNotStored(), null), context, { job: job.id });
  }
}

function done(status: string): Response {
  return Response.json({ status });
}

function later(ms: number): Response {
  const wait = Math.max(0, ms);
  const headers = { 'retry-after': String(Math.ceil(wait / 1000)), 'retry-after-ms': String(Math.ceil(wait)) };
  return Response.json({ status: 'later' }, { status: 503, headers });
}

function undeliverable(): Response {
  return Response.json({ status: 'undeliverable' }, { status: 489, headers: { 'upstash-nonretryable-error': 'true' } });
}
