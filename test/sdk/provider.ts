import { setImmediate, setTimeout } from 'node:timers/promises';
import { isObject, parseJson } from '../../lib/json.ts';
import type { Handler, Received } from '../harness/upstream.ts';
import { chat } from './provider/chat.ts';
import { completions } from './provider/completions.ts';
import { gemini } from './provider/gemini.ts';
import { messages } from './provider/messages.ts';
import { responses } from './provider/responses.ts';
import type { Told } from './provider/told.ts';

/** What can be asked for of each format, by name. */
export const PROVIDER = { chat, completions, responses, messages, gemini };
export type FormatName = keyof typeof PROVIDER;

const PATHS: Record<FormatName, readonly string[]> = {
  chat: ['/v1/chat/completions'],
  completions: ['/v1/completions'],
  responses: ['/v1/responses'],
  messages: ['/v1/messages'],
  gemini: [':generateContent', ':streamGenerateContent'].map((call) => `/v1beta/models/gemini-2.5-flash${call}`),
};

/** What is in the answer of each scenario, so that nobody is satisfied with nothing. */
export const POINT: Readonly<Record<string, string>> = {
  text: 'Grüße aus München! It’s 3.5 °C, e.g. in the shade.',
  thoughts: 'The user greets me — so：我也要问候。 🤔',
  refusal: 'I’m sorry, but I can’t help with that. 抱歉。 🙅\u200d♀️',
  tools: '119: “naïve” 你好 мир',
  choices: 'Zwei — 二. 🥈',
  custom: 'Größe 草',
  hosted: 'Wetter — 天気 ☀️',
  citations: 'The grass is green. 草是绿的。',
};

/** What tells that the tools have been run, in any of the formats. */
const TOOL_RESULT = /"role":"tool"|"tool_result"|"functionResponse"|"function_call_output"/;
/** Bytes that a write has, so that it ends anywhere: in an event, and in a character. */
const WRITE_BYTES = 1_013;

/** How long a whole answer takes: long enough for some heartbeats. */
const WORK_MS = 25;

/** Under which path the scenario of a format is, and how it is answered there. */
export function* served(): Generator<readonly [path: string, answer: Handler]> {
  for (const format of FORMATS) {
    for (const [scenario, told] of Object.entries(PROVIDER[format]))
      for (const path of pathsOf(format, scenario)) yield [path, answering(told, PROVIDER[format]['text'] ?? told)];
  }
}

export const FORMATS: readonly FormatName[] = ['chat', 'completions', 'responses', 'messages', 'gemini'];

export function pathsOf(format: FormatName, scenario: string): string[] {
  return PATHS[format].map((path) => `/${scenario}${path}`);
}

/** Whether a call has asked for a stream. */
export function asksForStream({ url, body }: Received): boolean {
  const ask = parseJson(body.toString());
  return url.includes(':streamGenerateContent') || (isObject(ask) && ask['stream'] === true);
}

/** As JSON or as the provider's own stream, as the call asks for; with `then` once the call brings the results of tools. */
function answering(first: Told, then: Told): Handler {
  return async (request, response) => {
    const ask = parseJson(request.body.toString());
    if (!isObject(ask)) throw new Error('The provider is asked with a JSON object.');
    const told = TOOL_RESULT.test(request.body.toString()) ? then : first;
    if (!asksForStream(request)) {
      await setTimeout(WORK_MS);
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(told.whole));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    const bytes = Buffer.from(told.frames(ask).join(''));
    for (let at = 0; at < bytes.length; at += WRITE_BYTES) {
      response.write(bytes.subarray(at, at + WRITE_BYTES));
      // Each goes out by itself.
      await setImmediate();
    }
    response.end();
  };
}
