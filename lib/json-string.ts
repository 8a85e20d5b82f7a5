const BACKSLASH = 0x5c;
const UNICODE_ESCAPE = 0x75;
const ESCAPED: Readonly<Record<string, number>> = { b: 0x08, f: 0x0c, n: 0x0a, r: 0x0d, t: 0x09 };
/** What a lone surrogate becomes in UTF-8, as `TextEncoder` has it. */
const REPLACEMENT = 0xfffd;

/**
 * The text of a valid JSON string, as UTF-8: without a copy where nothing in it is escaped.
 * @param literal with its quotes
 */
export function jsonStringBytes(literal: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const inner = literal.subarray(1, -1);
  const first = inner.indexOf(BACKSLASH);
  if (first === -1) return inner;
  // No escape is shorter than the bytes that it stands for.
  const bytes = new Uint8Array(inner.byteLength);
  bytes.set(inner.subarray(0, first));
  let length = first;
  for (let at = first; at < inner.byteLength; ) {
    if (inner[at] !== BACKSLASH) {
      bytes[length++] = inner[at++] ?? 0;
    } else if (inner[at + 1] !== UNICODE_ESCAPE) {
      const escaped = inner[at + 1] ?? 0;
      bytes[length++] = ESCAPED[String.fromCharCode(escaped)] ?? escaped;
      at += 2;
    } else {
      const high = codeUnit(inner, at);
      const low = isBetween(high, 0xd800, 0xdbff) ? codeUnit(inner, at + 6) : -1;
      const isPair = isBetween(low, 0xdc00, 0xdfff);
      length = put(bytes, length, isPair ? 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00) : high);
      at += isPair ? 12 : 6;
    }
  }
  return bytes.subarray(0, length);
}

/** The value of the `\uXXXX` at this place; -1 where there is none. */
function codeUnit(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== BACKSLASH || bytes[at + 1] !== UNICODE_ESCAPE) return -1;
  return Number.parseInt(String.fromCharCode(...bytes.subarray(at + 2, at + 6)), 16);
}

/** Writes a code point as UTF-8 (RFC 3629 section 3); gives the offset behind it. */
function put(bytes: Uint8Array, at: number, point: number): number {
  if (isBetween(point, 0xd800, 0xdfff)) return put(bytes, at, REPLACEMENT);
  if (point < 0x80) {
    bytes[at] = point;
    return at + 1;
  }
  const tail = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  bytes[at] = ((0xff00 >> (tail + 1)) & 0xff) | (point >> (6 * tail));
  for (let byte = 1; byte <= tail; byte++) bytes[at + byte] = 0x80 | ((point >> (6 * (tail - byte))) & 0x3f);
  return at + tail + 1;
}

function isBetween(value: number, first: number, last: number): boolean {
  return value >= first && value <= last;
}
