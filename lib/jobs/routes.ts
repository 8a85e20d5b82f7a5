import { Hono } from 'hono';
import { accepts } from 'hono/accepts';
import type { AppVariables } from '../http/app.ts';
import type { Caller, Identifier } from '../http/auth.ts';
import { gather, readBody } from '../http/body.ts';
import { GatewayError } from '../http/errors.ts';
import { idempotencyKey, preferences, refuseContradiction, streamPreference } from '../http/prefer.ts';
import { isEventStream } from '../http/sse.ts';
import type { StreamSlots } from '../http/stream-slots.ts';
import { baseUrlOf } from '../http/url.ts';
import { formatOf, streamsByPath } from '../replay/formats.ts';
import { replayDelay } from '../replay/pace.ts';
import { acceptedResponse } from './accepted.ts';
import { findJob } from './access.ts';
import { wholeResult } from './answer.ts';
import { cancelJob } from './cancel.ts';
import type { JobsContext } from './context.ts';
import { inForm } from './form.ts';
import { listJobs } from './list.ts';
import { changesResponse, jobResponse } from './poll.ts';
import { openProfile } from './profile.ts';
import { readCursor, readWait } from './reading.ts';
import { removeJob } from './remove.ts';
import { readSubmission } from './request.ts';
import { resultOf, resultResponse } from './result.ts';
import { retryJob } from './retry.ts';
import { resumedResponse, type StreamOptions, streamResponse } from './stream.ts';
import { submit } from './submit.ts';
import { waitForEnd } from './wait.ts';

const JSON_TYPE = 'application/json';
const EVENTS_TYPE = 'text/event-stream';

/** What stands at the door: who comes in, and how many at once. */
export interface JobsDoor {
  readonly identifier: Identifier;
  readonly slots: StreamSlots;
  /** Counts a request of the caller: headers for its answer, or a refusal. */
  readonly countRequest: (caller: Caller) => Promise<Record<string, string>>;
}

/** `/api/jobs…`: submit, list, poll, result, stream, cancel, retry, delete. */
export function jobRoutes(context: JobsContext, { identifier, slots, countRequest }: JobsDoor): Hono<AppVariables> {
  const { config, clock } = context;
  const app = new Hono<AppVariables>();
  /** No hold outlasts the function that it is in, which began when the request came. */
  const heldFor = (seconds: number, startedAt: number) =>
    Math.max(0, Math.min(seconds * 1000, startedAt + config.runLimit - Date.now()));
  const find = (request: Request, id: string, access: 'read' | 'write') =>
    findJob(context, identifier, request, id, access);

  app.use('/api/jobs/*', async (c, next) => {
    await next();
    c.header('X-Processing-Mode', 'job');
  });

  app.post('/api/jobs', async ({ req }) => {
    const startedAt = Date.now();
    const request = req.raw;
    const caller = await identifier.identify(request, new URL(request.url));
    const counted = await countRequest(caller);
    const key = idempotencyKey(request.headers);
    if (key !== null && !caller.isKnown) throw new GatewayError('credential_required', { param: 'Idempotency-Key' });
    const body = await readBody(request, { whole: config.maxRequestSize, max: config.maxRequestSize });
    const submitting = {
      caller,
      identifier,
      idempotencyKey: key,
      config,
      now: clock.now(),
      baseUrl: baseUrlOf(request, config),
    };
    const submission = await readSubmission(await gather(body), submitting);
    const preference = streamPreference(request.headers);
    const streaming = submission.asked?.stream === true || streamsByPath(submission.target);
    if (formatOf(submission.target) !== null) refuseContradiction({ streaming, streamPreference: preference });
    const { job, created } = await submit(context, inForm(submission, preference));
    const prefer = preferences(request.headers);
    const current =
      prefer.wait === null ? job : await waitForEnd(context, job, heldFor(prefer.wait, startedAt), request.signal);
    return acceptedResponse(context, current, baseUrlOf(request, config), {
      ...(prefer.wait === null ? {} : { 'preference-applied': `wait=${prefer.wait}` }),
      ...(created ? {} : { 'idempotent-replayed': 'true' }),
      ...counted,
    });
  });

  app.get('/api/jobs', async ({ req }) => {
    const request = req.raw;
    const url = new URL(request.url);
    const caller = await identifier.identify(request, url);
    return Response.json(await listJobs(context, await caller.owners(), url.searchParams, baseUrlOf(request, config)), {
      headers: { 'cache-control': 'no-store' },
    });
  });

  app.get('/api/jobs/:id', async (c) => {
    const startedAt = Date.now();
    const request = c.req.raw;
    const job = await find(request, c.req.param('id'), 'read');
    const baseUrl = baseUrlOf(request, config);
    if (isEventStream(request.headers.get('accept'))) {
      c.set('live', true);
      const seen = readCursor(request).last ?? 0;
      return slots.within(request, async () => changesResponse(context, job, baseUrl, seen, request.signal));
    }
    const current = await waitForEnd(context, job, heldFor(readWait(request), startedAt), request.signal);
    return jobResponse(context, current, baseUrl, 200);
  });

  app.delete('/api/jobs/:id', async ({ req }) => {
    const request = req.raw;
    const job = await find(request, req.param('id'), 'write');
    await removeJob(context, job.id);
    return Response.json({ id: job.id, object: 'job.deleted', deleted: true });
  });

  app.get('/api/jobs/:id/result', async (c) => {
    const job = await find(c.req.raw, c.req.param('id'), 'read');
    c.set('live', true);
    const result = resultOf(job, clock.now());
    const { target, collected } = await openProfile(context.secrets, job.id, job.profile);
    const form = accepts(c, {
      header: 'Accept',
      supports: [JSON_TYPE, EVENTS_TYPE],
      default: collected ? JSON_TYPE : '',
    });
    return form === JSON_TYPE
      ? wholeResult(context, job, result, formatOf(target))
      : resultResponse(context, job, result);
  });

  app.get('/api/jobs/:id/stream', async (c) => {
    const request = c.req.raw;
    const job = await find(request, c.req.param('id'), 'read');
    const { target } = await openProfile(context.secrets, job.id, job.profile);
    const format = formatOf(target);
    const whole = job.status === 'completed' && job.result.events === null ? job.result : null;
    if (whole !== null && (format === null || whole.size > config.maxReplaySize)) {
      throw new GatewayError('stream_unsupported');
    }
    const cursor = readCursor(request);
    if (cursor.isOver) return new Response(null, { status: 204 });
    c.set('live', true);
    const options: StreamOptions = {
      format,
      cursor: cursor.last ?? -1,
      attempt: cursor.attempt,
      ids: cursor.ids && format?.takesIds !== false,
      asArray: false,
      delayMs: replayDelay(request.headers, config.chunkDelay),
      includeUsage: true,
      signal: request.signal,
      endsIn: config.runLimit,
    };
    return slots.within(request, async () =>
      (cursor.reconnects ? resumedResponse : streamResponse)(context, job, options),
    );
  });

  app.post('/api/jobs/:id/cancel', async ({ req }) => {
    const request = req.raw;
    const job = await find(request, req.param('id'), 'write');
    return jobResponse(context, await cancelJob(context, job), baseUrlOf(request, config), 200);
  });

  app.post('/api/jobs/:id/retry', async ({ req }) => {
    const request = req.raw;
    const job = await find(request, req.param('id'), 'write');
    const caller = await identifier.identify(request, new URL(request.url));
    const counted = await countRequest(caller);
    const requeued = await retryJob(context, job, caller, request.headers);
    return jobResponse(context, requeued, baseUrlOf(request, config), 202, counted);
  });

  for (const path of ['/api/jobs', '/api/jobs/:id', '/api/jobs/:id/:verb']) {
    app.all(path, ({ req }) => {
      throw methodNotAllowed(req.path);
    });
  }
  return app;
}

const VERBS = new Map([
  ['result', 'GET'],
  ['stream', 'GET'],
  ['cancel', 'POST'],
  ['retry', 'POST'],
]);

function methodNotAllowed(path: string): GatewayError {
  const [, verb] = /^\/api\/jobs\/[^/]+\/(.*)$/.exec(path) ?? [];
  if (verb === undefined) {
    const allow = path === '/api/jobs' ? 'GET, POST' : 'GET, DELETE';
    return new GatewayError('method_not_allowed', { headers: { allow } });
  }
  const allow = VERBS.get(verb);
  return allow === undefined
    ? new GatewayError('not_found')
    : new GatewayError('method_not_allowed', { headers: { allow } });
}
