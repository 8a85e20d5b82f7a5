import type { Identifier } from '../http/auth.ts';
import type { Log } from '../log.ts';
import type { StreamFormat } from '../replay/format.ts';
import { formatOf } from '../replay/formats.ts';
import { replayDelay } from '../replay/pace.ts';
import { requireKey } from '../upstream/credential.ts';
import { type Call, gatherCall, isJson, readCall, SMALL_BODY } from './call.ts';
import { type CallFacts, type Decision, decide, type Policy } from './decide.ts';
import { fakeStream } from './fake-stream.ts';
import { type ProxyContext, proxy } from './proxy.ts';

export interface GatewayContext extends ProxyContext {
  readonly identifier: Identifier;
  /** Runs the call as a job: in this process, or by handing the request on to a function that can. */
  readonly runAsJob: (call: Call, hold: number | 'limit', request: Request) => Promise<Response>;
}

/** One call through the gateway: read, decided, run. The answer says in `X-Processing-Mode` which way it went. */
export async function handleCall(context: GatewayContext, request: Request, log: Log): Promise<Response> {
  const incoming = await readCall(request, context.config, context.identifier);
  requireKey(incoming.caller.credential, incoming.service, context.config);
  const format = formatOf(incoming.path);
  const policy = { longRequestMode: context.config.longRequestMode, smallBody: SMALL_BODY };
  const call = await lookedInto(incoming, format, policy);
  const decision = decide(factsOf(call, format), policy);
  log.info('call', {
    service: call.service.name,
    method: request.method,
    path: call.service.secretPath ? undefined : call.path,
    caller: call.caller.label,
    run: decision.run,
    stream: decision.run === 'job' ? undefined : decision.stream,
  });
  const response = await runCall(context, call, decision, format, request, log);
  response.headers.set('x-processing-mode', decision.run);
  varyByPrefer(response.headers);
  return response;
}

/** `Prefer` makes of the same call an answer or a job: a cache must not give one for the other. */
function varyByPrefer(headers: Headers): void {
  const names = (headers.get('vary') ?? '').split(',').map((name) => name.trim().toLowerCase());
  if (!names.includes('*') && !names.includes('prefer')) headers.append('vary', 'Prefer');
}

async function runCall(
  context: GatewayContext,
  call: Call,
  decision: Decision,
  format: StreamFormat | null,
  request: Request,
  log: Log,
): Promise<Response> {
  if (decision.run === 'job') return context.runAsJob(call, decision.hold, request);
  if (decision.stream === 'replay' && format !== null) {
    const whole = await gatherCall(call);
    return fakeStream(context, whole, format, replayDelay(request.headers, context.config.chunkDelay));
  }
  return proxy(context, call, decision.run, log);
}

/** A long body is looked into where the provider would else be asked for a stream that has to be replayed. */
async function lookedInto(call: Call, format: StreamFormat | null, policy: Policy): Promise<Call> {
  if (call.body.kind !== 'stream' || !isJson(call.headers)) return call;
  const asStream = decide({ ...factsOf(call, format), streaming: true }, policy);
  return asStream.run !== 'job' && asStream.stream === 'replay' ? gatherCall(call) : call;
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
