import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { isNumber, isObject, type Json, numberOf } from '../../lib/json.ts';
import { parseExact } from '../../lib/json-exact.ts';
import { jsonText, spelling } from './spelling.ts';

/** What JavaScript writes otherwise, each for a reason of its own. */
const UNKEPT = [
  ...['9007199254740993', '-9007199254740993', '1234567890123456789012', '1000000000000000000000'],
  ...['1.0', '0.0', '2.50', '-1.10', '-0', '-0.0', '1e400', '-1E400', '1e-400', '1E5', '1e5', '1e05', '1.5e+3', '1e21'],
  ...['0.0000001', '0.00000012', '12345678.123456789012', '0.1000000000000000055', '3.14159265358979323846'],
];
const KEPT = [
  '0',
  '7',
  '-7',
  '100',
  '0.5',
  '-0.25',
  '1.05',
  '1700000000',
  '999999999999999',
  '9007199254740991',
].concat(...['0.30000000000000004', '-0.0009765625', '0.000001', '1e+21', '1e-7', '1.5e-10', '123456.789']);
const AROUND = ['', ' ', '\n\t '];

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('numbers as they are spelled', () => {
  test.each(UNKEPT)('%s is kept, wherever it stands', (number) => {
    for (const space of AROUND) {
      for (const text of [number, `[${number}]`, `{"a":${number}}`, `{"a":[1,${number},2],"b":"1.5"}`]) {
        const spaced = text.replaceAll(number, `${space}${number}${space}`);
        expect(JSON.stringify(parseExact(spaced)), spaced).toBe(text);
      }
    }
    expect(numberOf(parseExact(number))).toBe(Number(number));
    expect(isNumber(parseExact(number))).toBe(true);
  });

  test.each(KEPT)('%s is a number as any other', (number) => {
    expect(parseExact(number)).toBe(Number(number));
    // Beside one that is not.
    expect(parseExact(`[${number},1.0]`)).toMatchObject([Number(number), { rawJSON: '1.0' }]);
  });

  test('in strings there are none', () => {
    const text = JSON.stringify({ '1.0': '1.0', a: '"1.0', b: '\\"1.0,', c: '\\', d: ',1.0,', e: '\\\\', f: ':-0,' });
    expect(parseExact(text)).toEqual(JSON.parse(text));
    expect(JSON.stringify(parseExact(`{"\\\\":1.0,"x\\"":"\\\\\\"","y":2.0}`))).toBe(
      `{"\\\\":1.0,"x\\"":"\\\\\\"","y":2.0}`,
    );
  });

  test('of members of one name the last counts, and a member may have any name', () => {
    expect(JSON.stringify(parseExact('{"a":1.0,"a":2.50,"__proto__":{"toJSON":-0}}'))).toBe(
      '{"a":2.50,"__proto__":{"toJSON":-0}}',
    );
  });

  test('what is no JSON is none', () => {
    for (const text of ['', '1.', '01.0', '.5', '[1.0', '{"a":1.0,}', '-', '1e', '"1.0', 'NaN']) {
      expect(parseExact(text), text).toBeUndefined();
    }
  });

  test('one that is kept is no object to look into', () => {
    const value = parseExact('1.0');
    expect(isObject(value)).toBe(false);
    expect(isObject(parseExact('{"rawJSON":"1.0"}'))).toBe(true);
    expect(numberOf(parseExact('{"rawJSON":"1.0"}'))).toBeUndefined();
  });

  test('however deeply they are nested', () => {
    const depth = 50_000;
    let value = parseExact(`${'[{"a":'.repeat(depth)}1.0${'}]'.repeat(depth)}`);
    for (let level = 0; level < depth; level++) {
      const inner = Array.isArray(value) ? value[0] : undefined;
      value = isObject(inner) ? inner['a'] : undefined;
    }
    expect(value).toEqual(expect.objectContaining({ rawJSON: '1.0' }));
  });

  test('a runtime that cannot keep them has the values', () => {
    const { parse, stringify } = JSON;
    vi.stubGlobal('JSON', { parse, stringify });
    expect(parseExact('{"a":[1.0,9007199254740993]}')).toEqual({ a: [1, 9007199254740992] });
    expect(isObject(parseExact('{"a":1.0}'))).toBe(true);
  });

  test('any JSON is written as it was read', () => {
    fc.assert(
      fc.property(jsonText, (text) => {
        expect(JSON.stringify(parseExact(text))).toBe(text);
      }),
      { numRuns: 500 },
    );
  });

  test('a number stays one unless JavaScript would write it otherwise', () => {
    fc.assert(
      fc.property(spelling, (number) => {
        const value: Json | undefined = parseExact(`[${number}]`);
        const isKept = JSON.stringify(Number(number)) === number;
        expect(value).toEqual(isKept ? [Number(number)] : [expect.objectContaining({ rawJSON: number })]);
      }),
      { numRuns: 2_000 },
    );
  });
});
