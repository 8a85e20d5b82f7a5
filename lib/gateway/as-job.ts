import type { Config } from '../config.ts';
import { GatewayError } from '../http/errors.ts';
import { applied, refuseContradiction } from '../http/prefer.ts';
import { acceptedResponse } from '../jobs/accepted.ts';
import { resultAs } from '../jobs/answer.ts';
import type { JobsContext } from '../jobs/context.ts';
import { inForm } from '../jobs/form.ts';
import { isEnded, type Job } from '../jobs/job.ts';
import { DEFAULT_RETRIES } from '../jobs/request.ts';
import { type StreamOptions, streamResponse } from '../jobs/stream.ts';
import { type JobOptions, type Submission, submit } from '../jobs/submit.ts';
import { viewer } from '../jobs/view.ts';
import { hasEvents, pollDelay, waitForEnd, waitForEvents } from '../jobs/wait.ts';
import { formatOf, isArrayStream } from '../replay/formats.ts';
import { replayDelay } from '../replay/pace.ts';
import { refusalOf } from '../webhook/url.ts';
import { type Call, gatherCall, isJson } from './call.ts';
import { timeLeft } from './proxy.ts';

/**
 * A native call run as a job. With a hold, the answer is the provider's if it is there in time; when it is not, the job
 * goes on and the caller learns where to find it.
 */
export async function runAsJob(
  context: JobsContext,
  incoming: Call,
  hold: number | 'limit',
  baseUrl: string,
  headers: Headers,
): Promise<Response> {
  const { config, clock } = context;
  const call = looksIntoBody(incoming, hold) ? await gatherCall(incoming) : incoming;
  if (formatOf(call.path) !== null) refuseContradiction(call);
  const submission: Submission = {
    service: call.service,
    method: call.method,
    target: `${call.path}${call.search}`,
    headers: call.headers,
    credential: call.caller.credential,
    owners: await call.caller.accounts(),
    body: call.body,
    asked: call.asked,
    idempotencyKey: call.idempotencyKey,
    collected: false,
    options: { ...jobOptions(context, incoming), webhook: readWebhook(headers, config, baseUrl) },
  };
  const wanted = inForm(submission, call.streamPreference);
  const { job, created } = await submit(context, wanted);
  // A provider's own array is no event stream: it is given as any other answer.
  const format = isArrayStream(wanted.target) ? null : formatOf(call.path);
  // Told when it begins: a wait before it has taken of the function's time.
  const stream = () => ({ ...streamOptions(context, call, headers), format });
  if (hold === 'limit' && call.streaming && format !== null) {
    return marked(streamResponse(context, job, stream()), created);
  }
  const holdMs = Math.min(hold === 'limit' ? config.backgroundTimeout : hold * 1000, timeLeft(call, config.runLimit));
  // Where no replay could tell of an error after the head: once the provider's own events come, its status is known.
  const tails = hold === 'limit' && call.streaming;
  const wait = tails ? waitForEvents : waitForEnd;
  const current = holdMs === 0 ? job : await wait(context, job, holdMs, call.signal);
  if (tails && !isEnded(current) && hasEvents(current)) {
    return marked(streamResponse(context, current, stream()), created);
  }
  const held = hold === 'limit' || hold > 0;
  if (held && isEnded(current)) {
    const answer = resultAs(context, current, { ...stream(), streaming: call.streaming });
    return marked(await answer.catch((error) => rethrown(error, created)), created);
  }
  if (hold === 'limit') throw await holdTimeout(context, current, baseUrl, clock.now());
  return marked(
    await acceptedResponse(context, current, baseUrl, {
      ...(call.prefer.respondAsync ? { 'preference-applied': applied(call.prefer) } : {}),
      vary: 'Prefer',
    }),
    created,
  );
}

/**
 * Whether a long body has to be in memory: what makes two calls the same stands in it, and, where the answer depends on
 * it, whether a stream is asked for. Any other goes to the store as it comes.
 */
function looksIntoBody(call: Call, hold: number | 'limit'): boolean {
  if (!isJson(call.headers)) return false;
  if (call.idempotencyKey !== null) return true;
  if (formatOf(call.path) === null) return false;
  const isChanged = call.streamPreference === 'replay' || call.streamPreference === 'collect';
  return hold !== 0 || isChanged || !call.service.supportsStreaming;
}

function jobOptions({ config, clock }: JobsContext, call: Call): Omit<JobOptions, 'webhook'> {
  const sync = call.idempotencyKey !== null && !call.prefer.respondAsync;
  // As the same call without a key: a body too long to be kept in memory is sent once.
  const repeatable = config.enableRetry && call.service.retryableMethods.includes(call.method);
  const tries = repeatable && call.body.kind !== 'stream' ? call.service.maxRetries : 0;
  return {
    retries: sync ? tries : DEFAULT_RETRIES,
    inPlace: sync,
    timeoutMs: config.jobTimeout,
    ttlMs: config.jobTtl,
    dueAt: clock.now(),
    cancelAt: null,
    metadata: {},
  };
}

/** `X-Gateway-Webhook`: what the field `webhook` is to a job that is posted. */
function readWebhook(headers: Headers, config: Config, baseUrl: string): JobOptions['webhook'] {
  const url = headers.get('x-gateway-webhook');
  if (url === null) return null;
  const refused = refusalOf(url, config);
  if (refused === null) return { url, baseUrl };
  const message = `X-Gateway-Webhook ${refused}.`;
  throw new GatewayError('invalid_request', { message, param: 'X-Gateway-Webhook' });
}

function streamOptions({ config }: JobsContext, call: Call, headers: Headers): Omit<StreamOptions, 'format'> {
  return {
    cursor: -1,
    attempt: null,
    ids: false,
    asArray: isArrayStream(`${call.path}${call.search}`),
    delayMs: replayDelay(headers, config.chunkDelay),
    includeUsage: call.asked?.includeUsage ?? false,
    signal: call.signal,
    endsIn: timeLeft(call, config.runLimit),
  };
}

function marked(response: Response, created: boolean): Response {
  if (!created) response.headers.set('idempotent-replayed', 'true');
  return response;
}

/** As {@link marked}, for a job that has no answer but its error. */
function rethrown(error: unknown, created: boolean): never {
  if (created || !(error instanceof GatewayError)) throw error;
  const { code, message, headers } = error;
  throw new GatewayError(code, { message, headers: { ...headers, 'idempotent-replayed': 'true' }, cause: error });
}

/** The hold ends before the job: an SDK that tries again with the same key joins the job instead of making another. */
async function holdTimeout(context: JobsContext, job: Job, baseUrl: string, now: number): Promise<GatewayError> {
  const view = await viewer(context, job, baseUrl);
  return new GatewayError('hold_timeout', {
    extra: { job: view(job) },
    headers: { 'retry-after': String(pollDelay(job, now)), 'x-should-retry': 'true', 'x-job-id': job.id },
  });
}
