/** Dispatched on `document` when a request got no answer at all. */
export const UNREACHABLE = 'gateway-unreachable';

/** What went wrong, from the one error shape (PROTOCOL.md, "Errors"), a provider's error or a broken connection. */
export class CallError extends Error {
  constructor(message, facts = {}) {
    super(message);
    this.name = 'CallError';
    this.status = facts.status ?? null;
    this.type = facts.type ?? null;
    this.code = facts.code ?? null;
    this.param = facts.param ?? null;
    this.requestId = facts.requestId ?? null;
  }
}

/** Sends a request, with the key where there is one; whatever the gateway answers is returned. */
export async function send(path, { key = '', headers = {}, ...init } = {}) {
  // `fetch` would refuse it in the way in which it reports a broken connection.
  if (/[^ -~]/.test(key)) {
    throw new CallError('The key has characters that cannot stand in a header.', {
      type: 'INVALID_REQUEST',
      code: 'invalid_key',
    });
  }
  const authorization = key === '' ? {} : { authorization: `Bearer ${key}` };
  try {
    return await fetch(path, {
      cache: 'no-store',
      credentials: 'omit',
      ...init,
      headers: { ...headers, ...authorization },
    });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    document.dispatchEvent(new Event(UNREACHABLE));
    throw new CallError('The gateway does not answer. Is it running?', {
      type: 'NETWORK',
      code: 'gateway_unreachable',
    });
  }
}

/** As {@link send}, but an answer that is not 2xx is thrown as a {@link CallError}. */
export async function request(path, options) {
  const response = await send(path, options);
  if (!response.ok) throw await failureOf(response);
  return response;
}

export async function requestJson(path, options) {
  return (await request(path, options)).json();
}

/** The error that a response tells of: its JSON error object, or else what its body says. */
export async function failureOf(response) {
  const text = await response.text().catch(() => '');
  const facts = { status: response.status, requestId: response.headers.get('x-request-id') };
  return (
    errorFrom(parse(text), facts) ?? new CallError(text.slice(0, 2000) || `The answer was ${response.status}.`, facts)
  );
}

/** The error in a JSON document that has one, as an answer's body or as an event within a stream; otherwise `null`. */
export function errorFrom(json, { status = null, requestId = null } = {}) {
  const error = json?.error;
  if (error === undefined || error === null) return null;
  if (typeof error === 'string') return new CallError(error, { status, requestId });
  return new CallError(String(error.message ?? 'The provider reported an error.'), {
    status: status ?? json.status,
    type: error.type,
    code: error.code,
    param: error.param,
    requestId: error.request_id ?? requestId,
  });
}

/** The error to show for anything thrown while a body was read. */
export function asFailure(error) {
  if (error instanceof CallError) return error;
  return new CallError('The connection broke before the answer was complete.', { type: 'NETWORK' });
}

export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
