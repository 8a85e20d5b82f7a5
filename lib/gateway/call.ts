import type { Config } from '../config.ts';
import { type Asked, lookInto } from '../http/asked.ts';
import type { Caller, Identifier } from '../http/auth.ts';
import { type Body, gather, readBody } from '../http/body.ts';
import { GatewayError } from '../http/errors.ts';
import { bytesWithDefault } from '../http/json-body.ts';
import {
  idempotencyKey,
  type Preferences,
  preferences,
  type StreamPreference,
  streamPreference,
} from '../http/prefer.ts';
import type { StreamForm } from '../http/stream-form.ts';
import { formatOf, streamsByPath } from '../replay/formats.ts';
import { forwardedHeaders } from '../upstream/headers.ts';
import type { Service } from '../upstream/services.ts';
import { refuseLoop } from '../upstream/via.ts';

/** Which of the two families of paths the call came in by; they differ in how streams are answered by default. */
export type Door = 'service' | 'default';

/** A caller's request, read and bounded once. */
export interface Call {
  readonly door: Door;
  readonly service: Service;
  readonly method: string;
  /** The provider's path, as it came. */
  readonly path: string;
  /** The query with its `?`, as it came but for the caller's key. */
  readonly search: string;
  /** What crosses to the provider, without the credential. */
  readonly headers: Headers;
  readonly caller: Caller;
  readonly body: Body;
  /** What a body asks for that is a JSON object and whole in memory. */
  readonly asked: Asked | null;
  /** Whether the caller asks for a stream. */
  readonly streaming: boolean;
  /** `X-Gateway-Stream`: overrides how the door answers streams. */
  readonly streamPreference: StreamPreference | null;
  readonly prefer: Preferences;
  readonly idempotencyKey: string | null;
  readonly signal: AbortSignal;
  /** Unix ms: when it came in, from which a function's time is counted. */
  readonly startedAt: number;
}

/** Bytes up to which a call counts as small: gathered, repeatable, run on the edge. */
export const SMALL_BODY = 1_048_576;

const SERVICE_PATH = /^\/gateway\/([^/]+)(\/.*)?$/;

const CHAT_ALIAS = '/api/chat';
/** What that door has always taken a call without a model for. */
const CHAT_MODEL = 'gpt-4o-mini';

const ALIASES: Readonly<Record<string, string>> = {
  [CHAT_ALIAS]: '/v1/chat/completions',
  '/api/models': '/v1/models',
};

/** @throws GatewayError where the request goes in a circle, names no service, has a bad header, or may not come in */
export async function readCall(request: Request, config: Config, identifier: Identifier): Promise<Call> {
  const startedAt = Date.now();
  refuseLoop(request.headers);
  refuseTrace(request.method);
  const url = new URL(request.url);
  const { door, service, path } = route(url.pathname, config);
  const prefer = preferences(request.headers);
  const key = idempotencyKey(request.headers);
  const caller = await identifier.identify(request, url);
  if (key !== null && !caller.isKnown) throw new GatewayError('credential_required', { param: 'Idempotency-Key' });
  const sent = await readBody(request, { whole: SMALL_BODY, max: config.maxRequestSize });
  const body = url.pathname === CHAT_ALIAS ? withModel(sent) : sent;
  const asked = body.kind === 'whole' && isJson(request.headers) ? lookInto(body.bytes) : null;
  return {
    door,
    service,
    method: request.method,
    path,
    // Not `url.search`, which spells some characters anew.
    search: await withoutKeys(/\?[^#]*/.exec(request.url)?.[0] ?? '', caller, identifier),
    headers: forwardedHeaders(request.headers, service),
    caller,
    body,
    asked,
    streaming: asksForStream(path, asked, hintsAtStream(request, url)),
    streamPreference: streamPreference(request.headers),
    prefer,
    idempotencyKey: key,
    signal: request.signal,
    startedAt,
  };
}

/** Who answers it sends back what it was sent (RFC 9110 section 9.3.8): the service's own key, to a caller with a gateway key. */
function refuseTrace(method: string): void {
  if (method !== 'TRACE') return;
  throw new GatewayError('method_not_allowed', { headers: { allow: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS' } });
}

/** The call with its body in memory, whatever its size: for what has to change or to compare the body. */
export async function gatherCall(call: Call): Promise<Call> {
  if (call.body.kind !== 'stream') return call;
  const bytes = await gather(call.body);
  const asked = isJson(call.headers) ? lookInto(bytes) : null;
  return { ...call, body: { kind: 'whole', bytes }, asked, streaming: asksForStream(call.path, asked, call.streaming) };
}

/** What of the call asks for a stream, or for none. */
export function formOf({ path, search, headers, body, asked }: Call): StreamForm {
  return { target: `${path}${search}`, headers, body, asked };
}

/** The call in another form. */
export function formed(call: Call, { target, headers, body, asked }: StreamForm): Call {
  const [path = ''] = target.split('?', 1);
  return { ...call, path, search: target.slice(path.length), headers, body, asked };
}

/** The name of the service that a public path leads to; `null` where it leads to none. */
export function serviceNameAt(pathname: string, config: Config): string | null {
  if (ALIASES[pathname] !== undefined || pathname.startsWith('/v1/')) return config.defaultService.name;
  const [, name = ''] = SERVICE_PATH.exec(pathname) ?? [];
  return config.services.has(name) ? name : null;
}

function route(pathname: string, config: Config): { door: Door; service: Service; path: string } {
  const alias = ALIASES[pathname];
  if (alias !== undefined) return { door: 'default', service: config.defaultService, path: alias };
  if (pathname.startsWith('/v1/')) return { door: 'default', service: config.defaultService, path: pathname };
  const [, name, path] = SERVICE_PATH.exec(pathname) ?? [];
  if (name === undefined) throw new GatewayError('not_found');
  const service = config.services.get(name);
  if (service === undefined) {
    throw new GatewayError('service_not_found', { message: 'No service of this name is configured: see /api/status.' });
  }
  return { door: 'service', service, path: path ?? '/' };
}

function withModel(body: Body): Body {
  return body.kind === 'whole' ? { ...body, bytes: bytesWithDefault(body.bytes, 'model', CHAT_MODEL) } : body;
}

function hintsAtStream(request: Request, url: URL): boolean {
  if (url.searchParams.get('stream') === 'true') return true;
  return request.headers.get('accept')?.includes('text/event-stream') ?? false;
}

function asksForStream(path: string, asked: Asked | null, hinted: boolean): boolean {
  if (streamsByPath(path)) return true;
  // Where the provider goes by the body alone, so does the gateway: a client may accept streams and not ask for one.
  if (asked !== null && formatOf(path) !== null) return asked.stream;
  return hinted || asked?.stream === true;
}

export function isJson(headers: Headers): boolean {
  return /^application\/(\S+\+)?json\b/i.test(headers.get('content-type')?.trim() ?? '');
}

/**
 * Takes out what is not the provider's business: Gemini's `?key=` where it is the caller's credential, which is put in anew, or a gateway key, which stays here
 * whatever else came with it; every other byte stays.
 */
async function withoutKeys(search: string, caller: Caller, identifier: Identifier): Promise<string> {
  const kept: string[] = [];
  for (const pair of search.slice(1).split('&')) {
    const [[name, value] = []] = new URLSearchParams(pair);
    // The platform's own, which opens its protection: https://vercel.com/docs/deployment-protection
    if (name?.startsWith('x-vercel-') === true) continue;
    const isKey = name === 'key' && value !== undefined;
    if (isKey && (caller.credential.kind === 'query' || (await identifier.isGatewayKey(value)))) continue;
    kept.push(pair);
  }
  return kept.join('') === '' ? '' : `?${kept.join('&')}`;
}
