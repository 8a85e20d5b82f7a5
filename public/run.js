import { asFailure, failureOf, send } from './api.js';
import { chatBody, completionText } from './chat.js';
import { readChatStream } from './stream.js';

/** The four ways to run a call. */
export const WAYS = {
  sync: { stream: false, headers: {}, hint: 'Waits for the whole answer.' },
  stream: {
    stream: true,
    headers: { 'x-gateway-stream': 'native' },
    hint: "The provider's own events, as they come.",
  },
  fake: {
    stream: true,
    headers: { 'x-gateway-stream': 'replay' },
    hint: 'The first byte at once; the whole answer is replayed as a stream when it is there.',
  },
  job: {
    stream: false,
    headers: { prefer: 'respond-async' },
    hint: 'Stored and queued: answered with 202 and followed here until it ends.',
  },
};

/**
 * Makes one call and shows what comes of it.
 * @param {object} ask `way`, `service`, `path`, `key`, `model`, `system`, `prompt` and further `headers`
 * @param {ReturnType<import('./answer.js').createAnswer>} answer
 * @param {AbortSignal} signal
 * @returns the job, where the call has become one; otherwise `null`
 */
export async function run(ask, answer, signal) {
  const way = WAYS[ask.way];
  let sent = null;
  answer.begin();
  try {
    const response = await send(`/gateway/${encodeURIComponent(ask.service)}${ask.path}`, {
      method: 'POST',
      key: ask.key,
      headers: { 'content-type': 'application/json', ...way.headers, ...ask.headers },
      body: JSON.stringify(chatBody({ ...ask, stream: way.stream })),
      signal,
    });
    answer.responded(response);
    if (!response.ok) throw await failureOf(response);
    if (isEventStream(response)) sent = response.status;
    return await read(response, answer);
  } catch (error) {
    if (signal.aborted) answer.stopped();
    else answer.fail(asFailure(error), sent);
    return null;
  }
}

function isEventStream({ headers }) {
  return headers.get('content-type')?.startsWith('text/event-stream') ?? false;
}

async function read(response, answer) {
  if (isEventStream(response)) {
    await readChatStream(response.body, { onText: answer.text, onUsage: answer.usage });
    answer.done();
    return null;
  }
  const json = await response.json();
  if (json.object === 'job') {
    answer.accepted();
    return json;
  }
  const text = completionText(json);
  if (text === null) answer.json(json);
  else answer.text(text);
  answer.usage(json.usage);
  answer.done();
  return null;
}
