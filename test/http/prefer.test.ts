import { describe, expect, it } from 'vitest';
import { applied, idempotencyKey, preferences } from '../../lib/http/prefer.ts';

const read = (...values: string[]) => {
  const headers = new Headers();
  for (const value of values) headers.append('prefer', value);
  return preferences(headers);
};

describe('Prefer (RFC 7240)', () => {
  it.each<[string[], boolean, number | null]>([
    [[], false, null],
    [['respond-async'], true, null],
    [['respond-async, wait=10'], true, 10],
    [['respond-async', 'wait=10'], true, 10],
    [['wait=10', 'RESPOND-ASYNC'], true, 10],
    [['respond-async; foo=1, wait="7"'], true, 7],
    [['respond-async,wait = 5 '], true, 5],
    [['wait=100'], false, 60],
    [['wait=1, wait=2'], false, 1],
    [['wait=-1'], false, null],
    [['wait=1.5'], false, null],
    [['wait'], false, null],
    [['return=minimal, handling=lenient'], false, null],
    [['x-respond-async, respond-asynchronously'], false, null],
  ])('%j', (values, respondAsync, wait) => {
    expect(read(...values)).toEqual({ respondAsync, wait });
  });

  it('says what was applied', () => {
    expect(applied({ respondAsync: true, wait: null })).toBe('respond-async');
    expect(applied({ respondAsync: true, wait: 60 })).toBe('respond-async, wait=60');
  });
});

describe('Idempotency-Key', () => {
  const key = (value: string) => idempotencyKey(new Headers({ 'idempotency-key': value }));

  it.each([
    ['abc', 'abc'],
    ['"abc"', 'abc'],
    [' "a b" ', 'a b'],
    ['"', '"'],
    ['k'.repeat(255), 'k'.repeat(255)],
  ])('%s', (value, expected) => {
    expect(key(value)).toBe(expected);
  });

  it('may be left out', () => expect(idempotencyKey(new Headers())).toBeNull());

  it.each(['', '""', 'k'.repeat(256), 'caf\u00e9'])('%j is refused', (value) => {
    expect(() => key(value)).toThrow(expect.objectContaining({ code: 'invalid_request', param: 'Idempotency-Key' }));
  });
});
