import { describe, expect, it } from 'vitest';
import { isRetryable, retryDelay } from '../../lib/upstream/retry.ts';

const NOW = Date.UTC(2026, 8, 1, 12);
const BACKOFF = { baseMs: 500, maxMs: 8_000 };
const delay = (headers: Record<string, string> | null, failures = 1, random = 0) =>
  retryDelay(headers === null ? null : new Headers(headers), failures, BACKOFF, NOW, random);

describe('which answers are worth another try', () => {
  it.each([408, 429, 500, 502, 503, 504, 529])('%i is', (status) =>
    expect(isRetryable({ status, headers: new Headers() })).toBe(true),
  );
  it.each([200, 301, 400, 401, 403, 404, 409, 422, 501, 505])('%i is not', (status) =>
    expect(isRetryable({ status, headers: new Headers() })).toBe(false),
  );
});

describe('how long to wait', () => {
  it.each([
    ['retry-after in seconds', { 'retry-after': '3' }, 3_000],
    ['retry-after in parts of a second', { 'retry-after': '0.25' }, 250],
    ['retry-after: 0', { 'retry-after': '0' }, 0],
    ['retry-after as a date', { 'retry-after': 'Tue, 01 Sep 2026 12:00:05 GMT' }, 5_000],
    ['retry-after as a date gone by', { 'retry-after': 'Tue, 01 Sep 2026 11:00:00 GMT' }, 0],
    ['retry-after-ms, before retry-after', { 'retry-after-ms': '1500.2', 'retry-after': '9' }, 1_501],
    ['retry-after, where retry-after-ms is no number', { 'retry-after-ms': 'soon', 'retry-after': '9' }, 9_000],
  ])('%s', (_name, headers, expected) => {
    expect(delay(headers)).toBe(expected);
  });

  it.each([null, {}, { 'retry-after': 'soon' }, { 'retry-after': '-1' }, { 'retry-after': '' }])(
    'without a usable wish (%o) it doubles with each failure, half of it by chance, up to a bound',
    (headers) => {
      expect([1, 2, 3, 4, 5, 6, 60].map((failures) => delay(headers, failures))).toEqual([
        250, 500, 1_000, 2_000, 4_000, 4_000, 4_000,
      ]);
      expect(delay(headers, 1, 0.999_999)).toBe(500);
      expect(delay(headers, 60, 0.999_999)).toBe(8_000);
    },
  );
});
