import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isObject, parseJson } from '../../lib/json.ts';
import { compact, jsonMembers } from '../../lib/json-members.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const membersOf = (json: string) =>
  jsonMembers(utf8(json))?.map(({ name, value }) => [name, text(value)] as const) ?? null;
const compacted = (json: string) => Array.from(compact(utf8(json)), text).join('');

/** What JSON.parse makes of it, which has the last word. */
function expected(json: string): Record<string, unknown> | null {
  const parsed = parseJson(text(utf8(json)));
  return isObject(parsed) ? Object.fromEntries(Object.entries(parsed)) : null;
}

function found(json: string): Record<string, unknown> | null {
  const members = membersOf(json);
  return members === null ? null : Object.fromEntries(members.map(([name, value]) => [name, JSON.parse(value)]));
}

describe('the members of a JSON object', () => {
  it.each<[string, [string, string][] | null]>([
    ['{}', []],
    [' \n{ } \t', []],
    ['\ufeff{"a":1}', [['a', '1']]],
    [
      '{"a" : {"b":[1, 2]} , "c":"}"}',
      [
        ['a', '{"b":[1, 2]}'],
        ['c', '"}"'],
      ],
    ],
    [
      '{"a":1.0,"b":12345678901234567890}',
      [
        ['a', '1.0'],
        ['b', '12345678901234567890'],
      ],
    ],
    [String.raw`{"\u0061\"":"\\"}`, [['a"', String.raw`"\\"`]]],
    [
      '{"a":1,"a":2}',
      [
        ['a', '1'],
        ['a', '2'],
      ],
    ],
    ['[]', null],
    ['"{}"', null],
    ['', null],
    ['{', null],
    ['{}{}', null],
    ['{"a":1,}', null],
    ['{,}', null],
    ['{"a"}', null],
    ['{"a":}', null],
    ['{"a":[1,]}', null],
    ['{"a":[1}', null],
    ['{"a":01}', null],
    ['{"a":1.}', null],
    ['{"a":-}', null],
    ['{"a":1e}', null],
    ['{"a":tru}', null],
    ['{"a":nullx}', null],
    ['{"a":"\n"}', null],
    [String.raw`{"a":"\x"}`, null],
    [String.raw`{"a":"\u00g0"}`, null],
    ['{"a":"', null],
    ["{'a':1}", null],
  ])('%j', (json, members) => expect(membersOf(json)).toEqual(members));

  it('are those that JSON.parse finds', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()), fc.nat(3), (object, space) => {
        const json = JSON.stringify(object, null, space);
        expect(found(json)).toEqual(expected(json));
        expect(compacted(json)).toBe(JSON.stringify(object));
      }),
    );
  });

  it('are none where JSON.parse finds a fault: any one character put in, taken out or replaced', () => {
    const character = fc.constantFrom(...'{}[]",:\\ \n\u0001tfn019.eE+-ux/', 'é');
    const broken = fc.record({
      object: fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }),
      at: fc.nat(60),
      taken: fc.nat(1),
      put: fc.oneof(character, fc.constant('')),
    });
    fc.assert(
      fc.property(broken, ({ object, at, taken, put }) => {
        const json = JSON.stringify(object);
        const place = at % (json.length + 1);
        const changed = json.slice(0, place) + put + json.slice(place + taken);
        expect(found(changed)).toEqual(expected(changed));
      }),
      { numRuns: 5_000 },
    );
  });

  it('of any depth', () => {
    const deep = `${'[{"a":'.repeat(100_000)}1${'}]'.repeat(100_000)}`;
    expect(membersOf(`{"a":${deep}}`)).toEqual([['a', deep]]);
    expect(membersOf(`{"a":${deep.slice(0, -1)}}`)).toBeNull();
  });

  it('ten thousand of them, not one more', () => {
    const object = (count: number) => `{${Array.from({ length: count }, (_, n) => `"${n}":0`).join(',')}}`;
    expect(membersOf(object(10_000))).toHaveLength(10_000);
    expect(membersOf(object(10_001))).toBeNull();
  });
});
