import { isObject, type Json, type JsonObject } from '../json.ts';
import { Refusal } from './fail.ts';

/** One turn of the conversation, in whichever provider's words it came. */
export interface Turn {
  readonly role: 'user' | 'tool' | 'other';
  readonly text: string;
}

export interface Tool {
  readonly name: string;
  readonly schema: JsonObject;
}

/** Whether the caller leaves tool calls to the model, insists on one, or forbids them. */
export type ToolMode = 'auto' | 'force' | 'none';

/** What a request asks for, free of any provider's shape. */
export interface Ask {
  readonly model: string;
  readonly turns: readonly Turn[];
  readonly tools: readonly Tool[];
  readonly mode: ToolMode;
  /** The only tools that may be called, by name; undefined for all of them. */
  readonly only: readonly string[] | undefined;
  /** Whether one answer may call several tools. */
  readonly parallel: boolean;
}

/** The objects of a JSON list; none when it is no list. */
export function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function object(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

export function string(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The text of a message's content: a plain string, or the `text` of each of its parts. */
export function textOf(content: Json | undefined): string {
  if (typeof content === 'string') return content;
  return objects(content)
    .map((part) => string(part['text']) ?? '')
    .filter((text) => text !== '')
    .join('\n');
}

/** The conversation under `key`, refused unless it is a list of at least one object. */
export function conversation(body: JsonObject, key: string): JsonObject[] {
  const value = body[key];
  if (!Array.isArray(value) || value.length === 0) {
    throw new Refusal(400, `'${key}' must be a list with at least one entry.`, key);
  }
  return value.map((entry, index) => {
    if (!isObject(entry)) throw new Refusal(400, `'${key}[${index}]' must be an object.`, key);
    return entry;
  });
}
