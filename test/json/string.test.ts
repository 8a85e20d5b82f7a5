import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonStringBytes } from '../../lib/json-string.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);

/** Every UTF-16 unit of a text as `\uXXXX`, or those that the pattern names. */
function escaped(text: string, which: RegExp): string {
  const one = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `"${JSON.stringify(text).slice(1, -1).replaceAll(which, one)}"`;
}

describe('the text of a JSON string', () => {
  it.each([
    ['""', ''],
    [String.raw`"a\"\\\/\b\f\n\r\tz"`, 'a"\\/\b\f\n\r\tz'],
    [String.raw`"\u0041\u00e9\u20AC\ud83d\ude00"`, 'Aé€😀'],
    [String.raw`"\ud83d"`, '\ufffd'],
    [String.raw`"\ud83dx\ude00"`, '\ufffdx\ufffd'],
    [String.raw`"\ud83d\u0041"`, '\ufffdA'],
    [String.raw`"\ud83d\ud83d\ude00"`, '\ufffd😀'],
    [String.raw`"\u0000"`, '\0'],
  ])('%s', (literal, text) => expect(jsonStringBytes(utf8(literal))).toEqual(utf8(text)));

  it('is what JSON.parse reads, however it is spelled', () => {
    const spellings = fc.constantFrom(/[^\\"]/g, /[^ -~]/g, /[a-z]/g);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), spellings, (any, plain, which) => {
        // Not a character of an escape that JSON.stringify has made already.
        for (const text of [any.replaceAll(/["\\\p{Cc}]/gu, ''), plain.replaceAll(/["\\]/g, '')]) {
          const literal = escaped(text, which);
          expect(jsonStringBytes(utf8(literal))).toEqual(utf8(JSON.parse(literal)));
        }
        const usual = JSON.stringify(`${any}${plain}`);
        expect(jsonStringBytes(utf8(usual))).toEqual(utf8(JSON.parse(usual)));
      }),
    );
  });

  it('is not copied where nothing is escaped', () => {
    const literal = utf8('"plain é"');
    expect(jsonStringBytes(literal).buffer).toBe(literal.buffer);
  });
});
