import { nanoid } from 'nanoid';
import * as z from 'zod';
import type { Clock } from '../clock.ts';
import {
  abandon,
  cancel,
  endOverdue,
  holds,
  isEnded,
  isToBeCancelled,
  type Job,
  MAX_LOSSES,
  type QueuedJob,
  requeue,
  settle,
  takeBack,
  UNNAMED,
} from '../jobs/job.ts';
import { claimWebhook, isWebhookSettled, settleWebhook, type WebhookClaim } from '../jobs/webhook.ts';
import { wakeAt } from './record.ts';
import {
  bytesOf,
  chunkOf,
  chunkText,
  decodeFields,
  encodeFields,
  keepMs,
  type Snapshot,
  textOf,
  withState,
} from './redis-fields.ts';
import { HeldJobs } from './redis-held.ts';
import { indexScripts } from './redis-index-scripts.ts';
import { listJobs } from './redis-list.ts';
import { steps } from './redis-scripts.ts';
import { RedisWatch } from './redis-watch.ts';
import { type NewChunk, type Store, UNLIMITED } from './store.ts';

/** How a command travels; one call is one command that the server counts. */
export interface RedisTransport {
  /** Runs a script; `keys` name the job's hash tag. Resolves to its reply: texts, integers, lists and nulls. */
  run(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>;
  /** `HMGET`. */
  fields(key: string, names: readonly string[]): Promise<unknown>;
}

export interface RedisStoreOptions {
  readonly transport: RedisTransport;
  readonly clock: Clock;
  /** Before every key: several gateways may share a database. */
  readonly prefix?: string;
}

const ORPHAN_MS = 3_600_000;

const found = z.tuple([z.string(), z.unknown().optional()]).rest(z.string());
const STATUSES = ['queued', 'in_progress', 'completed', 'failed', 'cancelled', 'expired'] as const;
const scripts = { ...steps, ...indexScripts };
const texts = z.array(z.string().nullable());

/** Jobs in Redis, spoken to by scripts: one command a step. */
export function redisStore({ transport, clock, prefix = 'gateway:' }: RedisStoreOptions): Store {
  const held = new HeldJobs();
  const watch = new RedisWatch(async (id, version) => {
    const [kind, fields] = z.array(z.unknown()).parse(await run('newer', id, version));
    if (kind === 'found') return decodeFields(fields).job;
    return kind === 'same' ? kind : null;
  });

  function run(name: keyof typeof scripts, id: string, ...args: readonly (string | number)[]): Promise<unknown> {
    const values = [prefix, id, clock.now(), ...args].map(String);
    return transport.run(scripts[name], [key(id, 'job')], values);
  }

  function key(id: string, part: 'job' | 'body' | 'result'): string {
    return `${prefix}{${id}}:${part}`;
  }

  async function read(id: string): Promise<Snapshot | null> {
    const reply = z.array(z.unknown()).parse(await run('get', id));
    return reply[0] === 'found' ? decodeFields(reply[1]) : null;
  }

  interface Write {
    readonly credential?: Uint8Array | null;
    readonly last?: NewChunk | null;
    /** Tells this writing from another's of the same state: for what only one may get. */
    readonly claim?: string;
  }

  /** Writes `job` over `before`; the job as another writer has left it meanwhile, where that came first. */
  async function swap(
    before: Snapshot,
    job: Job,
    { credential, last = null, claim }: Write = {},
  ): Promise<Snapshot | null | 'written'> {
    const { state, end } = encodeFields(job, claim);
    const ended = isEnded(job);
    const kept = credential === undefined ? (ended ? '' : '=') : textOf(credential);
    const results = job.progress === null ? 'drop' : '';
    const chunk = last === null || job.progress === null ? '' : `${job.progress.attempt}:${job.progress.chunks - 1}`;
    const reply = await run(
      'swap',
      job.id,
      before.state,
      state,
      end,
      kept,
      // A completed job is never run again; any other end may be, so its body stays until it expires.
      job.status === 'completed' ? 'drop' : '',
      results,
      ended ? (job.webhookAt ?? '') : wakeAt(job),
      keepMs(job, clock.now()),
      chunk,
      last === null ? '' : chunkText(last),
    );
    const [kind, fields] = z.array(z.unknown()).parse(reply);
    if (kind === 'written') return 'written';
    return kind === 'gone' ? null : decodeFields(fields);
  }

  /** Repeats a decision on what the job is until it could be written; `decide` gives `null` to leave the job as it is. */
  async function decideAndWrite(
    start: Snapshot | null,
    decide: (job: Job) => Job | null,
    write?: Write,
  ): Promise<{ job: Job; written: boolean } | null> {
    for (let before = start; before !== null; ) {
      const job = decide(before.job);
      if (job === null || job === before.job) return { job: before.job, written: false };
      const outcome = await swap(before, job, write);
      if (outcome === 'written') return { job, written: true };
      before = outcome;
    }
    return null;
  }

  async function transition(id: string, decide: (job: Job, now: number) => Job): Promise<Job | null> {
    const outcome = await decideAndWrite(await read(id), (job) => decide(job, clock.now()));
    return outcome?.job ?? null;
  }

  return {
    async putBodyChunk(id, index, bytes) {
      await run('putBodyChunk', id, index, textOf(bytes), ORPHAN_MS);
    },

    async dropBody(id) {
      await run('dropBody', id);
    },

    async create({ job, credential, body, idempotency, limits = UNLIMITED }) {
      const { facts, state } = encodeFields(job);
      const reply = await run(
        'create',
        job.id,
        job.owner,
        facts,
        state,
        textOf(job.profile),
        textOf(credential),
        textOf(body),
        idempotency?.key ?? '',
        idempotency?.fingerprint ?? '',
        wakeAt(job),
        keepMs(job, clock.now()),
        limits.all,
        limits.caller,
        ...(idempotency?.earlier ?? []).flatMap(({ key, fingerprint }) => [key, fingerprint]),
      );
      const [kind, fields] = found.parse(reply);
      if (kind === 'withdrawn') throw new Error('the job was withdrawn before it was created');
      if (kind === 'created') return { kind, job };
      if (kind === 'full') return { kind, scope: fields === 'all' ? 'all' : 'caller' };
      return { kind: kind === 'duplicate' ? kind : 'conflict', job: decodeFields(fields).job };
    },

    get: async (id) => (await read(id))?.job ?? null,

    async waiting(owner) {
      const [all, caller] = z.tuple([z.number(), z.number()]).parse(await run('countWaiting', '', owner));
      return { all, caller };
    },

    async withdraw(id) {
      const [kind, fields] = z.array(z.unknown()).parse(await run('withdraw', id));
      return kind === 'kept' ? { kind, job: decodeFields(fields).job } : { kind: 'withdrawn' };
    },

    async claim(id, leaseMs, { generation, version } = UNNAMED) {
      const asked = await run('claim', id, leaseMs, MAX_LOSSES, nanoid(), generation ?? '', version ?? '');
      const reply = z.array(z.unknown()).parse(asked);
      const [kind, detail] = reply;
      if (kind === 'gone' || kind === 'superseded') return { kind };
      if (kind === 'held') return { kind, until: Number(detail) };
      if (kind === 'early') return { kind, dueAt: Number(detail) };
      const snapshot = decodeFields(detail);
      if (kind === 'claimed' && snapshot.job.status === 'in_progress') {
        held.claimed(id, snapshot, clock.now());
        const [credential = '', body = ''] = texts.parse(reply.slice(2)).map((text) => text ?? '');
        const whole = snapshot.job.request.chunks === 1 && body !== '';
        return {
          kind,
          job: snapshot.job,
          credential: credential === '' ? null : bytesOf(credential),
          body: whole ? bytesOf(body) : null,
        };
      }
      const outcome = await decideAndWrite(snapshot, (job) => endOverdue(job, clock.now()));
      if (outcome === null) return { kind: 'gone' };
      return isEnded(outcome.job) ? { kind: 'ended', job: outcome.job } : { kind: 'held', until: clock.now() };
    },

    async renew(id, attempt, leaseMs) {
      const [kind, state] = z.array(z.string()).parse(await run('renew', id, attempt, leaseMs, leaseMs + ORPHAN_MS));
      const before = held.get(id) ?? (await read(id));
      if (kind !== 'renewed' || state === undefined || before === null) return { kind: 'fenced' };
      const snapshot = withState(before, state);
      held.changed(id, snapshot);
      return { kind: 'renewed', cancelRequested: isToBeCancelled(snapshot.job, clock.now()) };
    },

    async append(id, progress, eventsBefore, bytes) {
      const { attempt, chunks } = progress;
      const before = held.get(id) ?? (await read(id));
      const keep = before === null ? ORPHAN_MS : keepMs(before.job, clock.now());
      const chunk = chunkText({ eventsBefore, bytes });
      const reply = await run('append', id, attempt, `${attempt}:${chunks - 1}`, chunk, JSON.stringify(progress), keep);
      const [kind, state] = z.array(z.string()).parse(reply);
      if (kind !== 'appended' || state === undefined) return { kind: 'fenced' };
      if (before === null) return { kind: 'appended', cancelRequested: false };
      const snapshot = withState(before, state);
      held.changed(id, snapshot);
      return { kind: 'appended', cancelRequested: isToBeCancelled(snapshot.job, clock.now()) };
    },

    async settle(id, attempt, outcome, last) {
      const before = held.get(id) ?? (await read(id));
      const settled = await decideAndWrite(
        before,
        (job) => (holds(job, attempt) ? settle(job, outcome, clock.now()) : null),
        { last },
      );
      held.settled(id);
      if (settled === null || !settled.written || settled.job.status === 'in_progress') return { kind: 'fenced' };
      return { kind: 'settled', job: settled.job };
    },

    cancel: (id) => transition(id, cancel),
    endOverdue: (id) => transition(id, (job, now) => endOverdue(job, now) ?? job),
    async abandon(id, error, sending) {
      const outcome = await decideAndWrite(await read(id), (job) => abandon(job, clock.now(), error, sending));
      return outcome === null ? null : { job: outcome.job, changed: outcome.written };
    },

    takeBack: (id, version, before) => transition(id, (job) => takeBack(job, version, before)),

    async claimWebhook(id, leaseMs) {
      let claimed: WebhookClaim = { kind: 'nothing' };
      const decide = (job: Job) => {
        claimed = claimWebhook(job, clock.now(), leaseMs);
        return claimed.kind === 'claimed' || claimed.kind === 'spent' ? claimed.job : null;
      };
      const outcome = await decideAndWrite(await read(id), decide, { claim: nanoid() });
      return outcome === null ? { kind: 'nothing' } : claimed;
    },

    async settleWebhook(id, attempt, outcome, delivery) {
      const settled = await decideAndWrite(await read(id), (job) => settleWebhook(job, attempt, outcome, delivery));
      return settled !== null && isWebhookSettled(settled.job, attempt) ? settled.job : null;
    },

    async requeue(id, credential) {
      let queued: QueuedJob | null = null;
      const outcome = await decideAndWrite(
        await read(id),
        (job) => {
          queued = requeue(job, clock.now());
          return queued;
        },
        { credential },
      );
      if (outcome === null) return { kind: 'gone' };
      return queued === null ? { kind: 'refused', job: outcome.job } : { kind: 'requeued', job: queued };
    },

    async bodyChunk(id, index) {
      const [text = null] = texts.parse(await transport.fields(key(id, 'body'), [String(index)]));
      return text === null ? null : bytesOf(text);
    },

    async resultChunks(id, attempt, from, limit) {
      const indexes = Array.from({ length: limit }, (_, offset) => from + offset);
      const names = indexes.map((index) => `${attempt}:${index}`);
      const replies = texts.parse(await transport.fields(key(id, 'result'), names));
      return replies.flatMap((text, offset) => (text === null ? [] : [chunkOf(from + offset, text)]));
    },

    async chunkOfEvent(id, attempt, event) {
      return z.number().parse(await run('chunkOfEvent', id, attempt, event));
    },

    list: (query) => listJobs((...args) => run('list', '', ...args), query),

    async remove(id) {
      return z.enum(['removed', 'not_ended', 'gone']).parse(await run('remove', id, nanoid()));
    },

    async stranded(dueBefore, limit) {
      const lookAgain = Math.max(clock.now(), dueBefore + 1);
      const reply = z.array(z.unknown()).parse(await run('stranded', '', dueBefore, limit, lookAgain));
      return reply.map((fields) => decodeFields(fields).job);
    },

    async sweep(limit) {
      return z.number().parse(await run('sweep', '', limit, clock.now() - ORPHAN_MS));
    },

    changed: (id, version, ms, signal) => watch.wait(id, version, ms, signal),

    async counts() {
      const found = z.array(z.number()).parse(await run('countJobs', '', ...STATUSES));
      const counts = { queued: 0, in_progress: 0, completed: 0, failed: 0, cancelled: 0, expired: 0 };
      for (const [at, status] of STATUSES.entries()) counts[status] = found[at] ?? 0;
      return counts;
    },

    async close() {
      watch.close();
      held.clear();
    },
  };
}
