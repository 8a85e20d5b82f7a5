import { isObject, type JsonObject, parseJson } from '../json.ts';
import type { Transport, UpstreamRequest, UpstreamResponse } from '../upstream/transport.ts';
import { chat } from './chat.ts';
import { readControls } from './controls.ts';
import { failEarly, familyOf, Refusal, refuse } from './fail.ts';
import { gemini } from './gemini.ts';
import { messages } from './messages.ts';
import { geminiModels, openaiModels } from './models.ts';
import { echo, type Reply, respond } from './reply.ts';
import { sleep, textFrom } from './stream.ts';

const geminiCall = /^\/v1beta\/models\/([^/]+?)(?::|%3[Aa])(generateContent|streamGenerateContent)$/;

function objectFrom(text: string): JsonObject {
  const body = parseJson(text);
  if (!isObject(body)) throw new Refusal(400, 'The body of the request must be a JSON object.');
  return body;
}

function route(method: string, path: string, query: URLSearchParams, text: string, length: number | undefined): Reply {
  const [, model, action] = geminiCall.exec(path) ?? [];
  if (method === 'POST' && model !== undefined) {
    const streamed = query.get('alt') === 'sse' ? 'sse' : 'array';
    return gemini(objectFrom(text), length, model, action === 'generateContent' ? 'whole' : streamed);
  }
  switch (`${method} ${path}`) {
    case 'GET /v1/models':
      return openaiModels();
    case 'GET /v1beta/models':
      return geminiModels();
    case 'POST /v1/chat/completions':
      return chat(objectFrom(text), length);
    case 'POST /v1/messages':
      return messages(objectFrom(text), length);
    default:
      throw new Refusal(404, `Invalid URL (${method} ${path}): the demo service has nothing there.`);
  }
}

async function handle(request: UpstreamRequest, path: string, query: URLSearchParams): Promise<UpstreamResponse> {
  const { method, signal } = request;
  const echoes = method === 'POST' && path === '/v1/echo';
  // The echo leaves the body alone, and sends it back as it comes in; anything else wants all of it.
  const text = echoes ? '' : await textFrom(request.body, signal);
  const controls = readControls(request.headers);
  await sleep(controls.delayMs, signal);
  await failEarly(controls.failure, signal);
  if (echoes) return echo(request, controls);
  return respond(route(method, path, query, text, controls.length), controls, signal);
}

/**
 * The keyless service that answers inside the process: an echo in the shapes of OpenAI, Anthropic and Gemini, whose
 * delay, pace, length and failures are set by the request's `x-demo-*` headers. It keeps no state between calls.
 */
export function demoTransport(): Transport {
  return async (request) => {
    request.signal.throwIfAborted();
    const [path = '', ...query] = request.target.split('?');
    try {
      return await handle(request, path, new URLSearchParams(query.join('?')));
    } catch (error) {
      if (error instanceof Refusal) return refuse(familyOf(path), error);
      throw error;
    }
  };
}
