import { isObject, type JsonObject } from '../../json.ts';
import { built, type Fields, gather, keep } from '../fields.ts';
import { Calls } from './collect-calls.ts';
import { REASONING_FIELDS, textOf } from './shape.ts';

const NO_TEXTS: ReadonlySet<string> = new Set();
const MESSAGE_TEXTS: ReadonlySet<string> = new Set(['content', 'refusal', ...REASONING_FIELDS]);
const FUNCTION_TEXTS: ReadonlySet<string> = new Set(['arguments']);
const AUDIO_TEXTS: ReadonlySet<string> = new Set(['data', 'transcript']);

/** One choice of a stream being gathered. */
export class Choice {
  readonly #fields: Fields = new Map();
  readonly #logprobs: Fields = new Map();
  readonly #message: Fields = new Map();
  readonly #functionCall: Fields = new Map();
  readonly #audio: Fields = new Map();
  readonly #calls = new Calls();

  add({ index: _, delta, logprobs, ...fields }: JsonObject): void {
    for (const [name, value] of Object.entries(fields)) keep(this.#fields, name, value);
    if (isObject(logprobs)) gather(this.#logprobs, logprobs, NO_TEXTS);
    else keep(this.#fields, 'logprobs', logprobs);
    if (isObject(delta)) this.#addDelta(delta);
  }

  build(index: number): JsonObject {
    return {
      finish_reason: null,
      ...Object.fromEntries(this.#fields),
      ...built('logprobs', this.#logprobs),
      index,
      message: this.#buildMessage(),
    };
  }

  #addDelta({ content, tool_calls, function_call, audio, ...others }: JsonObject): void {
    gather(this.#message, content === undefined ? others : { content: textOf(content), ...others }, MESSAGE_TEXTS);
    if (Array.isArray(tool_calls) && tool_calls.length > 0) this.#calls.add(tool_calls);
    else keep(this.#message, 'tool_calls', tool_calls);
    if (isObject(function_call)) gather(this.#functionCall, function_call, FUNCTION_TEXTS);
    else keep(this.#message, 'function_call', function_call);
    if (isObject(audio)) gather(this.#audio, audio, AUDIO_TEXTS);
    else keep(this.#message, 'audio', audio);
  }

  #buildMessage(): JsonObject {
    return {
      role: 'assistant',
      content: null,
      ...Object.fromEntries(this.#message),
      ...built('function_call', this.#functionCall),
      ...built('audio', this.#audio),
      ...this.#calls.build(),
    };
  }
}
