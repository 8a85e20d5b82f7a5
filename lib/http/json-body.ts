import { compact, type JsonMember, jsonMembers } from '../json-members.ts';
import { concat } from './body.ts';

const LEFT_OUT = new Set(['stream', 'stream_options']);
const START = utf8('{');
const END = utf8('}');
const COLON = utf8(':');
const COMMA = utf8(',');

/**
 * The bytes of a JSON object without its members `stream` and `stream_options` and without white space; everything else as
 * it was spelled, so that no number is rounded on the way. In pieces, as a copy of a long body may be one too many.
 * @returns `null` where the bytes are no JSON object
 */
export function withoutStream(json: Uint8Array<ArrayBuffer>): Iterable<Uint8Array<ArrayBuffer>> | null {
  const members = jsonMembers(json);
  return members === null ? null : spelled(members.filter(({ name }) => !LEFT_OUT.has(name)));
}

/** As {@link withoutStream}, for a body that is sent so: bytes that are no JSON object stay as they are. */
export function bytesWithoutStream(json: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const size = sizeOf(withoutStream(json) ?? [json]);
  return concat(withoutStream(json) ?? [json], size);
}

/**
 * The bytes of a JSON object with a stream asked for, everything else as it was spelled: bytes that are no JSON object stay
 * as they are.
 * @param options `stream_options`, where the object has none
 */
export function bytesWithStream(json: Uint8Array<ArrayBuffer>, options: string | null): Uint8Array<ArrayBuffer> {
  const members = jsonMembers(json);
  if (members === null) return json;
  const kept = members.filter(({ name }) => name !== 'stream');
  const hasOptions = kept.some(({ name }) => name === 'stream_options');
  const added = options === null || hasOptions ? [] : [member('stream_options', options)];
  return whole([...kept, member('stream', 'true'), ...added]);
}

/** The bytes of a JSON object with this string as its member, unless it has one of that name. */
export function bytesWithDefault(json: Uint8Array<ArrayBuffer>, name: string, value: string): Uint8Array<ArrayBuffer> {
  const members = jsonMembers(json);
  if (members === null || members.some((known) => known.name === name)) return json;
  return whole([...members, member(name, JSON.stringify(value))]);
}

function member(name: string, value: string): JsonMember {
  return { name, key: utf8(JSON.stringify(name)), value: utf8(value) };
}

function whole(members: readonly JsonMember[]): Uint8Array<ArrayBuffer> {
  return concat(spelled(members), sizeOf(spelled(members)));
}

function* spelled(members: readonly JsonMember[]): Generator<Uint8Array<ArrayBuffer>> {
  yield START;
  for (const [index, { key, value }] of members.entries()) {
    if (index > 0) yield COMMA;
    yield key;
    yield COLON;
    yield* compact(value);
  }
  yield END;
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function sizeOf(pieces: Iterable<Uint8Array>): number {
  let size = 0;
  for (const { byteLength } of pieces) size += byteLength;
  return size;
}
