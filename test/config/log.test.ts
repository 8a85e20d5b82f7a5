import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../lib/http/errors.ts';
import { createLog, type LogLevel } from '../../lib/log.ts';

function logTo(format: 'text' | 'json', level: LogLevel = 'DEBUG') {
  const lines: string[] = [];
  const log = createLog({ level, format, write: (line) => lines.push(line), now: () => Date.UTC(2026, 0, 2) });
  return { log: log.for('req_1'), lines };
}

/** Line ends, a terminal's escapes in both their forms, and marks that turn the direction of a text around. */
const HOSTILE = 'a\n[2026] [x] [ERROR] forged\r\u001b[2J\u009b2J\u2028\u2029\u202e\u0000|=" end';
const OBEYED = /[\p{C}\p{Zl}\p{Zp}]/u;

describe('log lines', () => {
  it('as text', () => {
    const { log, lines } = logTo('text');
    log.info('call', { service: 'openai', ms: 12, path: undefined, caller: null, ok: true });
    log.warn('plain');
    expect(lines).toEqual([
      '[2026-01-02T00:00:00.000Z] [req_1] [INFO] call | service=openai ms=12 ok=true',
      '[2026-01-02T00:00:00.000Z] [req_1] [WARN] plain',
    ]);
  });

  it('as JSON', () => {
    const { log, lines } = logTo('json');
    log.error('refused', { code: 'internal', ms: 1 });
    const base = { time: '2026-01-02T00:00:00.000Z', request_id: 'req_1' };
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { ...base, level: 'ERROR', text: 'refused', code: 'internal', ms: 1 },
    ]);
  });

  it.each<[LogLevel, number]>([
    ['DEBUG', 4],
    ['INFO', 3],
    ['WARN', 2],
    ['ERROR', 1],
  ])('from %s on', (level, count) => {
    const { log, lines } = logTo('text', level);
    for (const at of ['debug', 'info', 'warn', 'error'] as const) log[at]('x');
    expect(lines).toHaveLength(count);
  });

  it.each(['text', 'json'] as const)('a value cannot begin a line or command a terminal: %s', (format) => {
    const { log, lines } = logTo(format);
    log.info('call', { path: HOSTILE, nested: { deep: [HOSTILE] } });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(OBEYED);
  });

  it('and still says what it was', () => {
    const { log, lines } = logTo('json');
    log.info('call', { path: HOSTILE, emoji: '😀 世界' });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ path: HOSTILE, emoji: '😀 世界' });
  });

  it.each(['text', 'json'] as const)('an error tells class, code, place and cause, never its message: %s', (format) => {
    const { log, lines } = logTo(format);
    const inner = Object.assign(new TypeError('Bearer sk-secret\n    at sk-secret.example'), { code: 'ENOTFOUND' });
    log.error('failed', { error: new GatewayError('upstream_dns', { cause: inner }) });
    expect(lines[0]).toMatch(/GatewayError upstream_dns .*log\.test\.ts.* < TypeError ENOTFOUND/);
    expect(lines[0]).not.toContain('secret');
  });
});
