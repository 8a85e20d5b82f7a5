/** One member of a JSON object: its bytes as they were spelled, not copied. */
export interface JsonMember {
  readonly name: string;
  /** With its quotes. */
  readonly key: Uint8Array<ArrayBuffer>;
  readonly value: Uint8Array<ArrayBuffer>;
}

/** An object with more members than this is no request of any API, and not worth the memory that their names would take. */
const MAX_MEMBERS = 10_000;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const ARRAY = 0x5b;
const ARRAY_END = 0x5d;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const UNICODE_ESCAPE = 0x75;
const ESCAPES = new Set(Array.from('"\\/bfnrt', (character) => character.charCodeAt(0)));
const LITERALS = ['true', 'false', 'null'].map((word) => new TextEncoder().encode(word));
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * The members of a JSON object (RFC 8259) in their order, or `null` where the bytes are no valid JSON, no object, or one of
 * more than 10,000 members. Nothing is parsed: a body of many megabytes, which text and parsed values would multiply in
 * memory, is looked into as it lies there.
 */
export function jsonMembers(json: Uint8Array<ArrayBuffer>): JsonMember[] | null {
  const scan = new Scanner(json);
  if (!scan.take(OBJECT)) return null;
  const members: JsonMember[] = [];
  if (!scan.take(OBJECT_END)) {
    do {
      const key = scan.span(() => scan.string());
      if (key === null || !scan.take(COLON)) return null;
      const value = scan.span(() => scan.value());
      if (value === null || members.length === MAX_MEMBERS) return null;
      members.push({ name: JSON.parse(new TextDecoder().decode(key)), key, value });
    } while (scan.take(COMMA));
    if (!scan.take(OBJECT_END)) return null;
  }
  return scan.isAtEnd() ? members : null;
}

/** The pieces of a valid JSON value without the white space between its tokens. */
export function* compact(json: Uint8Array<ArrayBuffer>): Generator<Uint8Array<ArrayBuffer>> {
  let start = 0;
  for (let at = 0; at < json.byteLength; at++) {
    const byte = json[at] ?? 0;
    if (byte === QUOTE) at = behindString(json, at) - 1;
    if (!isWhite(byte)) continue;
    if (at > start) yield json.subarray(start, at);
    start = at + 1;
  }
  if (start < json.byteLength) yield json.subarray(start);
}

/** The offset behind the string of valid JSON that begins at `start`. */
function behindString(json: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < json.byteLength && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}

/** Steps through JSON token by token. A method moves behind what it is named for, or answers `false` where that is not there. */
class Scanner {
  readonly #json: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(json: Uint8Array<ArrayBuffer>) {
    this.#json = json;
    if (BYTE_ORDER_MARK.every((byte, index) => json[index] === byte)) this.#at = BYTE_ORDER_MARK.length;
  }

  span(part: () => boolean): Uint8Array<ArrayBuffer> | null {
    this.#white();
    const start = this.#at;
    return part() ? this.#json.subarray(start, this.#at) : null;
  }

  take(byte: number): boolean {
    this.#white();
    if (this.#json[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  isAtEnd(): boolean {
    this.#white();
    return this.#at === this.#json.byteLength;
  }

  /** Without recursion: JSON may be nested deeper than the stack. */
  value(): boolean {
    let open = new Uint8Array(64);
    let depth = 0;
    for (;;) {
      this.#white();
      const opening = this.#json[this.#at];
      let ended = true;
      if (opening === OBJECT || opening === ARRAY) {
        this.#at++;
        if (!this.take(endOf(opening))) {
          if (depth === open.length) open = grown(open);
          open[depth++] = opening;
          if (opening === OBJECT && !this.#key()) return false;
          ended = false;
        }
      } else if (!this.#scalar()) {
        return false;
      }
      while (ended) {
        const container = open[depth - 1];
        if (depth === 0 || container === undefined) return true;
        if (this.take(COMMA)) {
          if (container === OBJECT && !this.#key()) return false;
          ended = false;
        } else {
          if (!this.take(endOf(container))) return false;
          depth--;
        }
      }
    }
  }

  string(): boolean {
    const json = this.#json;
    if (json[this.#at] !== QUOTE) return false;
    for (let at = this.#at + 1; at < json.byteLength; at++) {
      const byte = json[at] ?? 0;
      if (byte === QUOTE) {
        this.#at = at + 1;
        return true;
      }
      if (byte < 0x20) return false;
      if (byte !== BACKSLASH) continue;
      const escaped = json[++at] ?? 0;
      if (escaped === UNICODE_ESCAPE) {
        for (let digit = 0; digit < 4; digit++) if (!isHex(json[++at] ?? 0)) return false;
      } else if (!ESCAPES.has(escaped)) return false;
    }
    return false;
  }

  #key(): boolean {
    this.#white();
    return this.string() && this.take(COLON);
  }

  #scalar(): boolean {
    const byte = this.#json[this.#at] ?? 0;
    if (byte === QUOTE) return this.string();
    if (byte === MINUS || isDigit(byte)) return this.#number();
    const literal = LITERALS.find((word) => word.every((letter, index) => this.#json[this.#at + index] === letter));
    this.#at += literal?.byteLength ?? 0;
    return literal !== undefined;
  }

  #number(): boolean {
    if (this.#json[this.#at] === MINUS) this.#at++;
    if (this.#json[this.#at] === ZERO) this.#at++;
    else if (!this.#digits()) return false;
    if (this.#json[this.#at] === POINT) {
      this.#at++;
      if (!this.#digits()) return false;
    }
    const exponent = (this.#json[this.#at] ?? 0) | 0x20;
    if (exponent !== 0x65) return true;
    this.#at++;
    const sign = this.#json[this.#at];
    if (sign === PLUS || sign === MINUS) this.#at++;
    return this.#digits();
  }

  #digits(): boolean {
    const start = this.#at;
    while (isDigit(this.#json[this.#at] ?? 0)) this.#at++;
    return this.#at > start;
  }

  #white(): void {
    while (isWhite(this.#json[this.#at] ?? 0)) this.#at++;
  }
}

function endOf(container: number): number {
  return container === OBJECT ? OBJECT_END : ARRAY_END;
}

function grown(stack: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(stack.length * 2);
  larger.set(stack);
  return larger;
}

function isWhite(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= 0x39;
}

function isHex(byte: number): boolean {
  return isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}
