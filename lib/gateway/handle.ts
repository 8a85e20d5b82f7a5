import type { Config } from '../config.ts';
import type { Caller, Identifier } from '../http/auth.ts';
import { GatewayError } from '../http/errors.ts';
import { refuseContradiction } from '../http/prefer.ts';
import type { StreamSlots } from '../http/stream-slots.ts';
import type { Log } from '../log.ts';
import type { StreamFormat } from '../replay/format.ts';
import { formatOf } from '../replay/formats.ts';
import { replayDelay } from '../replay/pace.ts';
import { requireKey } from '../upstream/credential.ts';
import { type Call, gatherCall, isJson, readCall, SMALL_BODY } from './call.ts';
import { collectedStream } from './collect.ts';
import { type CallFacts, type Decision, decide, inBackground, type Policy } from './decide.ts';
import { fakeStream } from './fake-stream.ts';
import type { Forward } from './forward.ts';
import { type ProxyContext, proxy } from './proxy.ts';

type RunAsJob = (call: Call, hold: number | 'limit', request: Request) => Promise<Response>;

/** Where this gateway runs. */
export type Place =
  /** One process does everything; the background function also is asked for what the edge could do. */
  | { readonly kind: 'process' | 'background'; readonly runAsJob: RunAsJob; readonly countRequest: CountRequest }
  /** The edge function: what needs more time, or the store, is run by the background function. */
  | { readonly kind: 'edge'; readonly forward: Forward };

/** Counts a request of the caller: headers for its answer, or a refusal. */
type CountRequest = (caller: Caller) => Promise<Record<string, string>>;

export interface GatewayContext extends ProxyContext {
  readonly slots: StreamSlots;
  readonly identifier: Identifier;
  readonly place: Place;
}

export interface Handling {
  readonly log: Log;
  readonly requestId: string;
}

/** A call, with all that running it needs. */
interface Run {
  readonly call: Call;
  readonly decision: Decision;
  readonly format: StreamFormat | null;
  readonly request: Request;
  readonly log: Log;
}

/** One call through the gateway: read, decided, run. The answer says in `X-Processing-Mode` which way it went. */
export async function handleCall(context: GatewayContext, request: Request, handling: Handling): Promise<Response> {
  const { log, requestId } = handling;
  const { place } = context;
  const incoming = await readCall(request, context.config, context.identifier);
  // What the edge cannot know or count, the background function does.
  const elsewhere =
    place.kind === 'edge' && (isKeyElsewhere(incoming, context.config) || context.config.rateLimit !== null);
  if (!elsewhere) requireKey(incoming.caller.credential, incoming.service, context.config);
  const counted = place.kind === 'edge' ? {} : await place.countRequest(incoming.caller);
  const format = formatOf(incoming.path);
  const policy = { longRequestMode: context.config.longRequestMode, smallBody: SMALL_BODY };
  const call = place.kind === 'edge' ? incoming : await lookedInto(incoming, format, policy);
  if (format !== null) refuseContradiction(call);
  const decided = decide(factsOf(call, format), policy);
  const decision = place.kind === 'background' ? inBackground(decided) : decided;
  log.info('call', {
    service: call.service.name,
    method: request.method,
    path: call.service.secretPath ? undefined : call.path,
    caller: call.caller.label,
    run: decision.run,
    stream: decision.run === 'job' ? undefined : decision.stream,
  });
  const asked: Run = { call, decision, format, request, log };
  if (place.kind !== 'edge') return withHeaders(await runHere(context, asked, place.runAsJob), counted);
  if (decision.run === 'edge' && call.body.kind !== 'stream' && !elsewhere) return runHere(context, asked, noJobs);
  const forwarded = await place.forward(call, decision, request, requestId);
  if (forwarded !== 'unreached') return forwarded;
  if (elsewhere || decision.run === 'job' || !mayFallBack(context.config, call)) {
    throw new GatewayError('unavailable', { headers: { 'retry-after': RETRY_AFTER_S } });
  }
  log.warn('the background function was not reached: the edge makes the call', { service: call.service.name });
  return runHere(context, { ...asked, decision: { ...decision, run: 'edge' } }, noJobs);
}

/**
 * The platform gives an edge function those variables that its code names, which it cannot do for services that are
 * configured later: the background function reads them all.
 */
function isKeyElsewhere({ caller, service }: Call, config: Config): boolean {
  return caller.credential.kind === 'service' && service.origin !== null && config.serviceKey(service) === null;
}

const RETRY_AFTER_S = '2';

/** Only a call that nobody has begun, and that is whole in memory. */
function mayFallBack({ enableFallback }: Config, { service, body }: Call): boolean {
  return enableFallback && service.allowFallback && body.kind !== 'stream';
}

/** Nothing that is a job is run on the edge. */
const noJobs: RunAsJob = async () => {
  throw new GatewayError('internal');
};

/** A stream takes one of the places for streams; what is not asked for as one takes none, however it is answered. */
function runHere(context: GatewayContext, asked: Run, runAsJob: RunAsJob): Promise<Response> {
  const run = () => runCall(context, asked, runAsJob);
  const { call, decision, request } = asked;
  const isStream = call.streaming && (decision.run !== 'job' || decision.hold === 'limit');
  return isStream ? context.slots.within(request, run) : run();
}

function withHeaders(response: Response, headers: Readonly<Record<string, string>>): Response {
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}

async function runCall(context: GatewayContext, asked: Run, runAsJob: RunAsJob): Promise<Response> {
  const { call, decision, format, request, log } = asked;
  const response =
    decision.run === 'job'
      ? await runAsJob(call, decision.hold, request)
      : decision.stream === 'replay' && format !== null
        ? fakeStream(context, await gatherCall(call), format, replayDelay(request.headers, context.config.chunkDelay))
        : decision.stream === 'collect' && format !== null
          ? await collectedStream(context, await gatherCall(call), { run: decision.run, format, log })
          : await proxy(context, call, { run: decision.run, format, log });
  response.headers.set('x-processing-mode', decision.run);
  varyByPrefer(response.headers);
  return response;
}

/** `Prefer` makes of the same call an answer or a job: a cache must not give one for the other. */
function varyByPrefer(headers: Headers): void {
  const names = (headers.get('vary') ?? '').split(',').map((name) => name.trim().toLowerCase());
  if (!names.includes('*') && !names.includes('prefer')) headers.append('vary', 'Prefer');
}

/** A long body is looked into where it may have to be changed: a stream that is to be replayed, or one to be collected. */
async function lookedInto(call: Call, format: StreamFormat | null, policy: Policy): Promise<Call> {
  if (call.body.kind !== 'stream' || !isJson(call.headers)) return call;
  const facts = factsOf(call, format);
  const forms = [facts, { ...facts, streaming: true }].map((form) => decide(form, policy));
  const isChanged = forms.some((form) => form.run !== 'job' && /^(replay|collect)$/.test(form.stream));
  return isChanged ? gatherCall(call) : call;
}

function factsOf(call: Call, format: StreamFormat | null): CallFacts {
  const { door, method, path, body, streaming, streamPreference, prefer, idempotencyKey, service } = call;
  return {
    ...{ door, method, path, streaming, streamPreference },
    size: body.kind === 'none' ? 0 : body.kind === 'whole' ? body.bytes.byteLength : Number.POSITIVE_INFINITY,
    respondAsync: prefer.respondAsync,
    wait: prefer.wait,
    idempotent: idempotencyKey !== null,
    supportsStreaming: service.supportsStreaming,
    replayable: format !== null && method === 'POST',
  };
}
