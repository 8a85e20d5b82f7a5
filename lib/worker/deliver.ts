import { GatewayError } from '../http/errors.ts';
import type { RunningJob } from '../jobs/job.ts';
import type { Settled } from '../store/store.ts';
import type { DeliveryContext, WorkerContext } from './context.ts';
import { isInHand, takeInHand } from './in-hand.ts';
import { LeaseKeeper } from './lease.ts';
import { forgetLost, rememberLost, resultNotStored } from './lost-answers.ts';
import { notify } from './notify.ts';
import { patiently } from './patiently.ts';
import { type Attempt, runAttempt } from './run.ts';
import { done, later, sendOn } from './said.ts';
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
  const { jobId: id, sending } = received;
  if (isInHand(store, id)) return later(context.leaseMs);
  const claimed = await store.claim(id, context.leaseMs, sending);
  switch (claimed.kind) {
    case 'gone':
    case 'superseded':
      return done(claimed.kind);
    case 'ended':
      return claimed.job.webhookAt === null ? done(claimed.job.status) : notify(delivery, claimed.job);
    case 'held':
      return later(claimed.until - clock.now() + HELD_MARGIN_MS);
    case 'early':
      return later(claimed.dueAt - clock.now());
    case 'claimed':
      break;
  }
  const { job } = claimed;
  const letGo = takeInHand(store, id);
  const lease = new LeaseKeeper(context, job);
  try {
    const attempt = await runAttempt(delivery, claimed, lease.signal);
    const settled = await settle(delivery, job, attempt);
    forgetLost(store, job);
    letGo();
    if (settled.kind === 'fenced') return await afterFenced(context, job);
    log.info('attempt ended', { job: id, service: job.service, attempt: job.attempts, outcome: attempt.outcome.kind });
    return await sendOn(context, settled.job);
  } finally {
    letGo();
    lease.stop();
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

/**
 * The attempt is not this worker's any more, or it was settled before and only the store's word of it was lost: then what
 * comes next may have no message yet.
 */
async function afterFenced(context: WorkerContext, { id, attempts, generation }: RunningJob): Promise<Response> {
  const job = await context.store.get(id);
  const isOwn = job !== null && job.attempts === attempts && job.generation === generation;
  return isOwn && job.status !== 'in_progress' ? sendOn(context, job) : done('fenced');
}

function undeliverable(): Response {
  return Response.json({ status: 'undeliverable' }, { status: 489, headers: { 'upstash-nonretryable-error': 'true' } });
}
