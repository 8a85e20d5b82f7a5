import { isObject, type JsonObject, parseJson } from '../json.ts';
import { unlessTooDeep } from './depth.ts';
import type { ReplayEvent, StreamFormat } from './format.ts';
import { FORMATS } from './formats.ts';
import { textIn } from './replay.ts';

/** What the events of a stream come to. */
export type Collected =
  /** `json`: the completion. */
  | { readonly kind: 'completion'; readonly json: string }
  /** The provider has told an error on the way; `json`: what it would have answered without a stream. */
  | { readonly kind: 'failed'; readonly status: number; readonly json: string }
  /** It ended before its end. */
  | { readonly kind: 'broken' }
  /** Events that spell no completion of any format, or one that is nested too deeply to be written. */
  | { readonly kind: 'foreign' };

/**
 * A streamed answer as the one completion of `format`: the reverse of `replayAs`. Some gateways stream in another format
 * than they were asked in: then the text that it spells, and no completion where it spells none (what it says is in calls of
 * tools, which would be lost).
 */
export function collectAs(format: StreamFormat, events: readonly ReplayEvent[]): Collected {
  return failureIn(events) ?? unlessTooDeep(() => completionIn(format, events)) ?? { kind: 'foreign' };
}

function completionIn(format: StreamFormat, events: readonly ReplayEvent[]): Collected | null {
  for (const one of [format, ...FORMATS]) {
    const completion = one.collect(events);
    if (completion === null) continue;
    if (!one.isWhole(completion, events)) return { kind: 'broken' };
    if (one === format) return { kind: 'completion', json: JSON.stringify(completion) };
    const text = textIn(completion);
    return text === '' ? null : { kind: 'completion', json: JSON.stringify(format.ofText(text)) };
  }
  return null;
}

/** The event that is an error, as an error's body; a status in it counts, as Gemini has one. */
function failureIn(events: readonly ReplayEvent[]): Collected | null {
  for (const { event, data } of events) {
    // Few events are worth a second parse.
    if (event !== 'error' && !data.includes('"error"')) continue;
    const json = parseJson(data);
    if (!isObject(json)) continue;
    const { type = event, error } = json;
    if (isObject(error)) return { kind: 'failed', status: statusIn(error), json: data };
    if (type === 'error') return { kind: 'failed', status: statusIn(json), json: `{"error":${data}}` };
  }
  return null;
}

const BAD_GATEWAY = 502;

function statusIn({ code, status }: JsonObject): number {
  const isStatus = (value: unknown) => typeof value === 'number' && value >= 400 && value <= 599;
  const found = [status, code].find(isStatus);
  return typeof found === 'number' ? found : BAD_GATEWAY;
}
