import { isObject, type JsonObject } from '../json.ts';
import { parseExact } from '../json-exact.ts';
import { unlessTooDeep } from './depth.ts';
import type { ReplayEvent, ReplayOptions, StreamFormat } from './format.ts';
import { objectsIn } from './shape.ts';

/**
 * A whole answer as the events of `format`. Some gateways answer in another format than they were asked in, or in plain
 * text: where there is text in it, that is replayed. `null` where there is none.
 */
export function replayAs(
  format: StreamFormat,
  answer: Uint8Array,
  contentType: string | null,
  options: ReplayOptions,
): ReplayEvent[] | null {
  const said = new TextDecoder().decode(answer);
  const json = parseExact(said);
  // Nested too deeply, it is not replayed as its text alone: a tool call may be what is missing then.
  if (isObject(json)) return unlessTooDeep(() => format.replay(json, options) ?? ofText(format, textIn(json), options));
  const isText = json === undefined && (contentType === null || /^text\/plain\b/i.test(contentType));
  return ofText(format, isText ? said : '', options);
}

function ofText(format: StreamFormat, text: string, options: ReplayOptions): ReplayEvent[] | null {
  return text === '' ? null : format.replay(format.ofText(text), options);
}

/** The text of a completion of any format: the first choice's, candidate's, or all of the output's. */
export function textIn({ choices, content, candidates, output }: JsonObject): string {
  const [choice] = objectsIn(choices);
  const message = isObject(choice?.['message']) ? choice['message'] : choice;
  const [candidate] = objectsIn(candidates);
  const parts = isObject(candidate?.['content']) ? candidate['content']['parts'] : undefined;
  const items = objectsIn(output).flatMap((item) => objectsIn(item['content']));
  const found = [message?.['content'], message?.['text'], content, parts, items];
  return (
    found
      .map((value) => (typeof value === 'string' ? value : objectsIn(value).map(partText).join('')))
      .find((text) => text !== '') ?? ''
  );
}

function partText({ text }: JsonObject): string {
  return typeof text === 'string' ? text : '';
}
