const BACKSLASH = 0x5c;
const LETTER_U = 0x75;

/**
 * Whether a cut would be inside a JSON escape (RFC 8259 section 7): after a lone backslash, within `\uXXXX`, or between the
 * two of a surrogate pair. `start` is a place that is known to be in none. Any text is treated so: it may be JSON.
 */
export function isInEscape(text: string, start: number, at: number): boolean {
  if (beginsEscape(text, start, at - 1)) return true;
  for (let back = 2; back <= 5 && at - back >= start; back++) {
    const isHexBefore = isHex(text.charCodeAt(at - back + 1));
    if (text.charCodeAt(at - back) === BACKSLASH && text.charCodeAt(at - back + 1) === LETTER_U)
      return isHex(text.charCodeAt(at)) && beginsEscape(text, start, at - back);
    if (!isHexBefore) return false;
  }
  return isBetweenSurrogates(text, start, at);
}

function beginsEscape(text: string, start: number, at: number): boolean {
  if (text.charCodeAt(at) !== BACKSLASH) return false;
  let first = at;
  while (first > start && text.charCodeAt(first - 1) === BACKSLASH) first--;
  return (at - first) % 2 === 0;
}

const HIGH = /^\\u[dD][89abAB][\da-fA-F]{2}$/;
const LOW = /^\\u[dD][c-fC-F][\da-fA-F]{2}$/;

function isBetweenSurrogates(text: string, start: number, at: number): boolean {
  if (text.charCodeAt(at) !== BACKSLASH || at - 6 < start) return false;
  return HIGH.test(text.slice(at - 6, at)) && LOW.test(text.slice(at, at + 6)) && beginsEscape(text, start, at - 6);
}

function isHex(unit: number): boolean {
  return (unit >= 0x30 && unit <= 0x39) || (unit >= 0x41 && unit <= 0x46) || (unit >= 0x61 && unit <= 0x66);
}
