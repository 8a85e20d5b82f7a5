import { describe, expect, it } from 'vitest';
import { durationMs } from './qstash/duration.ts';
import { compileDelay } from './qstash/expression.ts';
import { readMessage } from './qstash/message.ts';
import { judge } from './qstash/retry.ts';

describe('the retry delay as an expression', () => {
  it.each<[string, number, number]>([
    ['1000', 0, 1000],
    ['1000 * (1 + retried)', 2, 3000],
    ['pow(2, retried) * 1000', 3, 8000],
    ['max(1000, pow(2, retried) * 100)', 4, 1600],
    ['min(10, floor(7 / 2) + ceil(0.1) - -1)', 0, 5],
    ['round(sqrt(abs(-16)) + exp(0))', 0, 5],
    ['10 - 3 - 2', 0, 5],
    ['7 % 4 * 2', 0, 6],
    ['1e3+retried', 1, 1001],
  ])('%s after %d', (source, retried, expected) => {
    expect(compileDelay(source)(retried)).toBe(expected);
  });

  it.each([
    '',
    '1 +',
    '(1',
    '1)',
    'process',
    'constructor(1)',
    'pow(2)',
    'max(1,2,3)',
    'retried()',
    'x = 1',
    '2 ^ 3',
    '1;2',
    '0x10',
    '`1`',
    'min(1,2).constructor',
  ])('refuses %j', (source) => {
    expect(() => compileDelay(source)).toThrow(/invalid retry delay/);
  });
});

describe('durations', () => {
  it.each([
    ['5s', 5000],
    ['1h30m', 5_400_000],
    ['1d', 86_400_000],
    ['1.5s', 1500],
    ['250ms', 250],
    ['0s', 0],
    ['5', null],
    ['', null],
    ['5 s', null],
    ['-5s', null],
  ])('%j', (text, ms) => {
    expect(durationMs(text)).toBe(ms);
  });
});

describe('what becomes of a message', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  const message = (headers: Record<string, string> = {}) =>
    readMessage({ destination: 'http://127.0.0.1/x', headers, body: Buffer.from('') });
  const judged = (
    status: number,
    headers: Record<string, string> = {},
    retried = 0,
    own: Record<string, string> = {},
  ) => judge(message({ 'upstash-retries': '5', ...own }), { status, headers, body: Buffer.from('') }, retried, now);

  it.each([200, 201, 204, 299])('%d ends it', (status) => {
    expect(judged(status)).toEqual({ kind: 'delivered' });
  });

  it.each([0, 301, 400, 404, 429, 489, 500, 503])('%d brings it back', (status) => {
    expect(judged(status).kind).toBe('retry');
  });

  it('is given up after its retries: 3 if it does not say', () => {
    expect(judged(500, {}, 4).kind).toBe('retry');
    expect(judged(500, {}, 5).kind).toBe('failed');
    expect(judged(500, {}, 0, { 'upstash-retries': '0' }).kind).toBe('failed');
    const silent = (retried: number) =>
      judge(message(), { status: 500, headers: {}, body: Buffer.from('') }, retried, now);
    expect([silent(2).kind, silent(3).kind]).toEqual(['retry', 'failed']);
  });

  it('is given up at once by 489 with its header', () => {
    expect(judged(489, { 'upstash-nonretryable-error': 'true' })).toEqual({ kind: 'failed' });
    expect(judged(500, { 'upstash-nonretryable-error': 'true' }).kind).toBe('retry');
  });

  it('comes back after the documented delays', () => {
    const seconds = [0, 1, 2, 3, 4].map((retried) => {
      const verdict = judged(500, {}, retried);
      return verdict.kind === 'retry' ? Math.floor(verdict.afterMs / 1000) : null;
    });
    expect(seconds).toEqual([12, 148, 1808, 22026, 86400]);
  });

  it('comes back after its own delay, of a day at most', () => {
    const own = { 'upstash-retry-delay': '1000 * (1 + retried)' };
    expect(judged(500, {}, 2, own)).toEqual({ kind: 'retry', afterMs: 3000 });
    expect(judged(500, {}, 2, { 'upstash-retry-delay': 'exp(99)' })).toEqual({ kind: 'retry', afterMs: 86_400_000 });
  });

  it.each<[Record<string, string>, number]>([
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '10' }, 10_000],
    [{ 'retry-after': '6m5s' }, 365_000],
    [{ 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' }, 60_000],
    [{ 'retry-after': 'Wed, 31 Dec 2025 00:01:00 GMT' }, 0],
    [{ 'x-ratelimit-reset': '7' }, 7000],
    [{ 'x-ratelimit-reset-requests': '1s', 'x-ratelimit-reset-tokens': '9s' }, 1000],
    [{ 'x-ratelimit-reset-tokens': '20ms', 'retry-after': '3' }, 3000],
    [{ 'retry-after': '90000' }, 500],
    [{ 'retry-after': 'soon' }, 500],
  ])('comes back when the answer says so: %o', (headers, afterMs) => {
    expect(judged(503, headers, 0, { 'upstash-retry-delay': '500' })).toEqual({ kind: 'retry', afterMs });
  });
});
