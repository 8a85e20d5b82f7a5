import { describe, expect, it } from 'vitest';
import { MAX_WEBHOOK_ATTEMPTS } from '../../lib/jobs/webhook.ts';
import { afterDelivery, type WebhookReply } from '../../lib/webhook/retry.ts';

const NOW = 1_000_000_000_000;
const DAY = 86_400_000;
const moment = { now: NOW, random: 0, expiresAt: NOW + DAY };
const answered = (status: number, headers: Record<string, string> = {}): WebhookReply => ({
  kind: 'answered',
  status,
  headers: new Headers(headers),
});

describe('after a delivery', () => {
  it.each([200, 201, 202, 204, 299])('%d is success', (status) => {
    expect(afterDelivery(answered(status), 1, moment)).toEqual({ kind: 'delivered' });
  });

  it('410 is the end', () => {
    expect(afterDelivery(answered(410), 1, moment)).toEqual({ kind: 'gone' });
  });

  it.each([301, 302, 400, 401, 404, 408, 429, 500, 503])('%d is tried again', (status) => {
    expect(afterDelivery(answered(status), 1, moment)).toEqual({ kind: 'retry', dueAt: NOW + 5_000 });
  });

  it('no answer is tried again, ever later, and given up after the last', () => {
    const waits = Array.from({ length: MAX_WEBHOOK_ATTEMPTS }, (_, at) => {
      const outcome = afterDelivery({ kind: 'failed' }, at + 1, moment);
      return outcome.kind === 'retry' ? (outcome.dueAt - NOW) / 1000 : outcome.kind;
    });
    expect(waits).toEqual([5, 30, 120, 600, 1_800, 7_200, 21_600, 'failed']);
  });

  it('waits are spread by a fifth', () => {
    expect(afterDelivery({ kind: 'failed' }, 1, { ...moment, random: 1 })).toEqual({
      kind: 'retry',
      dueAt: NOW + 6_000,
    });
  });

  it.each([
    ['1', 5_000],
    ['60', 60_000],
    ['1000000', 21_600_000],
    [new Date(NOW + 90_000).toUTCString(), 90_000],
    ['soon', 5_000],
  ])('Retry-After: %s puts it off, but not for ever', (value, ms) => {
    const outcome = afterDelivery(answered(503, { 'retry-after': value }), 1, moment);
    expect(outcome).toEqual({ kind: 'retry', dueAt: NOW + ms });
  });

  it('nothing is tried again once the job would be gone', () => {
    expect(afterDelivery({ kind: 'failed' }, 1, { ...moment, expiresAt: NOW + 5_000 })).toEqual({ kind: 'failed' });
    expect(afterDelivery({ kind: 'failed' }, 1, { ...moment, expiresAt: NOW + 5_001 })).toMatchObject({
      kind: 'retry',
    });
  });
});
