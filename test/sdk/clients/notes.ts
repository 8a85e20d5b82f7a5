import { isObject, type Json, parseJson } from '../../../lib/json.ts';

/** A difference between a provider's own stream and a replay that no replay can avoid, or that is to the good. */
export interface Note {
  readonly text: string;
  /** The result without what differs. */
  level(result: Json): Json;
}

function mapped(result: Json, level: (name: string, value: unknown) => unknown): Json {
  return parseJson(JSON.stringify(result, level)) ?? null;
}

export const ANNOTATIONS: Note = {
  text: 'A stored completion has `annotations: []`, which OpenAI’s own stream leaves out; a replay tells it.',
  level: (result) =>
    mapped(result, (name, value) =>
      name === 'annotations' && Array.isArray(value) && value.length === 0 ? undefined : value,
    ),
};

export const UNKNOWN_FIELDS: Note = {
  text:
    'Of a field that it does not know, such as `reasoning_content`, the helper keeps the last chunk’s piece alone: ' +
    'a word of the provider’s own stream, and all of a replay, which sends it in one chunk for that reason.',
  level: (result) => mapped(result, (name, value) => (name === 'reasoning_content' ? undefined : value)),
};

export const LAST_LOGPROBS: Note = {
  text: 'The client keeps the last chunk’s log probabilities alone; a replay’s chunks are cut elsewhere.',
  level: (result) => mapped(result, (name, value) => (name === 'logprobs' ? undefined : value)),
};

export const LISTS_OF_LOGPROBS: Note = {
  text: 'The client gives a list of log probabilities for each delta; a replay has the same ones in fewer deltas.',
  level: (result) =>
    mapped(result, (name, value) => (name === 'logprobs' && Array.isArray(value) ? value.flat() : value)),
};

export const OPENED: Note = {
  text:
    'An item opens with what OpenAI tells at its end only (`encrypted_content` whole, the `action` of a search, the ' +
    '`outputs` of code, the `output` of an MCP call); its end and the response have the same.',
  level: (result) =>
    mapped(result, (_name, value) => {
      if (!isObject(value)) return value;
      const { type, item, providerMetadata: _, ...rest } = value;
      if (type === 'reasoning-start') return { type, ...rest };
      if (type !== 'response.output_item.added' || !isObject(item)) return value;
      return { type, ...rest, item: { id: item['id'], type: item['type'], status: item['status'] } };
    }),
};

export const FIRST_TOKENS: Note = {
  text:
    'In `message_start` Anthropic counts the few tokens that it has put out by then, a replay none; ' +
    '`message_delta` has the same total.',
  level: (result) =>
    mapped(result, (_name, value) =>
      isObject(value) && value['type'] === 'message_start' ? withoutOutput(value) : value,
    ),
};

function withoutOutput(value: Json): Json {
  return mapped(value, (name, field) => (name === 'output_tokens' ? undefined : field));
}

export const SPELLING: Note = {
  text:
    'The JSON text of a tool’s input is spelled anew, as a stored message has the input parsed: ' +
    'the model’s white space is gone, the input is the same.',
  level: (result) =>
    mapped(result, (name, value) => {
      const json =
        (name === 'partial_json' || name === 'delta') && typeof value === 'string' ? parseJson(value) : undefined;
      return json === undefined ? value : JSON.stringify(json);
    }),
};

export const CITATIONS: Note = {
  text: 'A citation comes after all of its block’s text, as a stored message does not say where in it it came.',
  level(result) {
    if (!Array.isArray(result)) return result;
    const isCitation = (event: Json) => isObject(event) && event['type'] === 'citations_delta';
    return [...result.filter((event) => !isCitation(event)), ...result.filter(isCitation)];
  },
};

export const SOURCES: Note = {
  text:
    'The client tells a frame’s sources before its text; a replay’s frames are longer, so that a short text may come ' +
    'whole after its sources.',
  level(result) {
    const isSource = (part: unknown) => isObject(part) && 'sourceType' in part;
    return mapped(result, (_name, value) =>
      Array.isArray(value) ? value.toSorted((one, other) => Number(isSource(one)) - Number(isSource(other))) : value,
    );
  },
};
