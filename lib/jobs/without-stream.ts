const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);
const WHITE = new Set([0x20, 0x09, 0x0a, 0x0d]);
const LEFT_OUT = new Set<unknown>(['stream', 'stream_options']);

/**
 * The bytes of a JSON object without its members `stream` and `stream_options` and without white space; everything else as
 * it was spelled, so that no number is rounded on the way.
 * @param json an object that has been parsed: what is not valid comes out as anything
 */
export function withoutStream(json: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const kept = new Uint8Array(json.byteLength);
  let length = 0;
  let depth = 0;
  let member = { start: 0, key: '', members: 0 };
  for (let at = 0; at < json.byteLength; at++) {
    const byte = json[at] ?? 0;
    if (WHITE.has(byte)) continue;
    if (CLOSING.has(byte) && --depth === 0) endMember();
    if (byte === COMMA && depth === 1) {
      endMember();
      continue;
    }
    if (depth === 1 && member.key === '') {
      member = { ...member, start: length, key: '?' };
      if (member.members > 0) kept[length++] = COMMA;
    }
    if (byte === QUOTE) {
      const end = endOfString(json, at);
      if (depth === 1 && member.key === '?') member.key = new TextDecoder().decode(json.subarray(at, end));
      while (at < end) kept[length++] = json[at++] ?? 0;
      at--;
    } else {
      kept[length++] = byte;
    }
    if (OPENING.has(byte)) depth++;
  }
  return kept.slice(0, length);

  function endMember(): void {
    if (member.key === '') return;
    const leftOut = LEFT_OUT.has(JSON.parse(member.key));
    if (leftOut) length = member.start;
    member = { start: length, key: '', members: member.members + (leftOut ? 0 : 1) };
  }
}

/** The offset behind the string that begins at `start`. */
function endOfString(json: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < json.byteLength && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return Math.min(json.byteLength, at + 1);
}
