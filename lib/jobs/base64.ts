import { decodeBase64 } from 'hono/utils/encode';

/** Characters decoded at a time: whole, the text and what it spells would be in memory thrice. */
const PIECE = 65_536;
const INNER = /^[A-Za-z0-9+/]*$/;
/** RFC 4648 section 4: in fours, the last padded. */
const LAST = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** What base64 spells; `null` where it is none. */
export function base64Bytes(text: Uint8Array): Uint8Array<ArrayBuffer> | null {
  if (text.byteLength % 4 !== 0) return null;
  const bytes = new Uint8Array((text.byteLength / 4) * 3);
  let length = 0;
  for (let at = 0; at < text.byteLength; at += PIECE) {
    const piece = new TextDecoder().decode(text.subarray(at, at + PIECE));
    if (!(at + PIECE < text.byteLength ? INNER : LAST).test(piece)) return null;
    const decoded = decodeBase64(piece);
    bytes.set(decoded, length);
    length += decoded.byteLength;
  }
  return bytes.subarray(0, length);
}
