import { chatFormat } from './chat.ts';
import { completionsFormat } from './completions.ts';
import type { StreamFormat } from './format.ts';
import { geminiFormat } from './gemini.ts';
import { messagesFormat } from './messages.ts';
import { responsesFormat } from './responses.ts';

/** In this order: a chat completion's path ends like a legacy one's. */
const PATHS: readonly (readonly [RegExp, StreamFormat])[] = [
  [/\/chat\/completions$/, chatFormat],
  [/\/completions$/, completionsFormat],
  [/\/responses$/, responsesFormat],
  [/\/v1\/messages$/, messagesFormat],
  [/:(streamG|g)enerateContent$/, geminiFormat],
];

export const FORMATS: readonly StreamFormat[] = PATHS.map(([, format]) => format);

/** Gemini alone asks for a stream in the path, and for server-sent events in the query. */
const STREAMED = ':streamGenerateContent';
const WHOLE = ':generateContent';

/** The stream format that the callers of a provider's path read; `null` where a whole answer cannot be given as a stream. */
export function formatOf(target: string): StreamFormat | null {
  const path = pathOf(target);
  return PATHS.find(([pattern]) => pattern.test(path))?.[1] ?? null;
}

/** Whether a call asks for a stream by its path alone. */
export function streamsByPath(target: string): boolean {
  return pathOf(target).endsWith(STREAMED);
}

/** Whether the stream that this call asks for is one JSON array, sent piece by piece, rather than server-sent events. */
export function isArrayStream(target: string): boolean {
  return streamsByPath(target) && new URLSearchParams(target.slice(pathOf(target).length)).get('alt') !== 'sse';
}

/** Path and query of the same call without a stream, for formats that ask for it there. */
export function wholeTarget(target: string): string {
  const path = pathOf(target);
  if (!streamsByPath(target)) return target;
  const query = target
    .slice(path.length + 1)
    .split('&')
    .filter((pair) => pair !== '' && pair !== 'alt=sse');
  return `${path.slice(0, -STREAMED.length)}${WHOLE}${query.length === 0 ? '' : `?${query.join('&')}`}`;
}

/** Path and query of the same call as a stream of server-sent events, for formats that ask for it there. */
export function streamedTarget(target: string): string {
  const path = pathOf(target);
  if (!path.endsWith(WHOLE)) return target;
  const query = target.slice(path.length + 1);
  return `${path.slice(0, -WHOLE.length)}${STREAMED}?${query === '' ? '' : `${query}&`}alt=sse`;
}

function pathOf(target: string): string {
  return target.split('?', 1)[0] ?? '';
}
