import { describe, expect, it } from 'vitest';
import { viewJob } from '../../lib/jobs/view.ts';
import { AT, cancelled, completed, expired, failed, queued, running } from './jobs.ts';

const shown = { path: '/v1/x', metadata: { a: 1 } };
const view = (job: Parameters<typeof viewJob>[0]) => viewJob(job, shown, 'https://host', AT);

describe('the job as its owner sees it', () => {
  it('has every member whatever its status', () => {
    const names = Object.keys(view(queued));
    for (const job of [running, completed, failed, cancelled, expired]) expect(Object.keys(view(job))).toEqual(names);
  });

  it('queued', () => {
    expect(view(queued)).toEqual({
      ...{
        id: queued.id,
        object: 'job',
        status: 'queued',
        service: 'local',
        method: 'POST',
        path: '/v1/x',
        model: 'm',
      },
      ...{ created_at: 1_000, started_at: null, completed_at: null, expires_at: 4_600 },
      ...{ attempts: 0, next_attempt_at: null, cancel_requested_at: null },
      ...{ response: null, usage: null, error: null, webhook: null, metadata: { a: 1 } },
      urls: {
        get: `https://host/api/jobs/${queued.id}`,
        result: `https://host/api/jobs/${queued.id}/result`,
        stream: `https://host/api/jobs/${queued.id}/stream`,
        cancel: `https://host/api/jobs/${queued.id}/cancel`,
      },
    });
  });

  it('waiting for a time: says which', () => {
    expect(view({ ...queued, dueAt: AT + 5_999 })['next_attempt_at']).toBe(1_005);
  });

  it('with a webhook: how far that is, and what its deliveries came to', () => {
    const waiting = { status: 'waiting', next_delivery_at: null, deliveries: [] };
    expect(view({ ...queued, hasWebhook: true })['webhook']).toEqual(waiting);
    const deliveries = [{ at: AT + 5_999, durationMs: 30, status: 500, error: null }];
    const webhook = { status: 'pending', attempts: 1, settled: 1, deliveries } as const;
    expect(view({ ...completed, hasWebhook: true, webhook, webhookAt: AT + 10_999 })['webhook']).toEqual({
      status: 'pending',
      next_delivery_at: 1_010,
      deliveries: [{ created_at: 1_005, duration_ms: 30, status: 500, error: null }],
    });
    const told = { ...webhook, status: 'delivered' } as const;
    expect(view({ ...completed, hasWebhook: true, webhook: told, webhookAt: null })['webhook']).toMatchObject({
      status: 'delivered',
      next_delivery_at: null,
    });
  });

  it('running, asked to stop', () => {
    expect(view({ ...running, cancelRequestedAt: AT + 2_500 })).toMatchObject({
      ...{ status: 'in_progress', started_at: 1_000, completed_at: null, cancel_requested_at: 1_002 },
    });
  });

  it('completed: what the provider answered, and its usage', () => {
    expect(view({ ...completed, usage: { total_tokens: 3 } })).toMatchObject({
      response: { status: 200, content_type: 'application/json', size: 10 },
      usage: { total_tokens: 3 },
      error: null,
      completed_at: 1_000,
    });
  });

  it('failed: the error, and no response', () => {
    expect(view(failed)).toMatchObject({
      response: null,
      error: { message: 'no', type: 'NETWORK', code: 'upstream_reset', upstream_status: null },
    });
  });

  it('cancelled and expired: neither', () => {
    for (const job of [cancelled, expired]) expect(view(job)).toMatchObject({ response: null, error: null });
    expect(view(cancelled)['cancel_requested_at']).toBe(1_000);
  });

  it('shows nothing of what is ours alone', () => {
    const text = JSON.stringify(view(completed));
    for (const name of ['owner', 'profile', 'version', 'lease', 'failures', 'losses']) expect(text).not.toContain(name);
  });
});
