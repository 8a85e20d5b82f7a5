import { describe, expect, it } from 'vitest';
import { type ErrorCode, GatewayError } from '../../lib/http/errors.ts';
import { afterAnswer, afterFault, retryAfterAnswer } from '../../lib/worker/outcome.ts';
import { result, running } from '../jobs/jobs.ts';

const moment = { now: 1_000_000, random: 0 };
const latest = { now: 1_000_000, random: 0.999_999 };
const none = new Headers();

describe('an answer that is no success', () => {
  it.each([408, 429, 500, 502, 503, 504, 529])('%i is followed by another try', (status) => {
    expect(retryAfterAnswer(running, status, none, moment)).toBe(moment.now + 1_000);
  });

  it.each([200, 201, 204, 301, 304, 400, 401, 403, 404, 409, 413, 422, 501, 505])('%i is final', (status) => {
    expect(retryAfterAnswer(running, status, none, moment)).toBeNull();
  });

  it('is final where the provider says so', () => {
    expect(retryAfterAnswer(running, 503, new Headers({ 'x-should-retry': 'false' }), moment)).toBeNull();
  });

  it('is final once the retries are used up', () => {
    expect(retryAfterAnswer({ ...running, failures: 2 }, 503, none, moment)).not.toBeNull();
    expect(retryAfterAnswer({ ...running, failures: 3 }, 503, none, moment)).toBeNull();
    expect(retryAfterAnswer({ ...running, retries: 0 }, 503, none, moment)).toBeNull();
  });

  it.each([
    [0, 1_000, 2_000],
    [1, 2_000, 4_000],
    [2, 4_000, 8_000],
    [19, 450_000, 900_000],
  ])('after %i failures the pause is from %i to %i ms', (failures, least, most) => {
    const job = { ...running, failures, retries: 20 };
    expect(retryAfterAnswer(job, 503, none, moment)).toBe(moment.now + least);
    expect(retryAfterAnswer(job, 503, none, latest)).toBe(latest.now + most);
  });

  it.each([
    [{ 'retry-after': '7' }, 7_000],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after-ms': '250', 'retry-after': '7' }, 250],
    [{ 'retry-after': new Date(moment.now + 9_000).toUTCString() }, 9_000],
    [{ 'retry-after': new Date(0).toUTCString() }, 0],
    [{ 'retry-after': 'soon' }, 1_000],
    [{ 'retry-after': '86400' }, 86_400_000],
    [{ 'retry-after': '86401' }, 86_400_000],
    [{ 'retry-after': '9'.repeat(400) }, 86_400_000],
  ])('the pause is what the provider asks for: %j', (headers, pause) => {
    expect(retryAfterAnswer(running, 429, new Headers(headers), moment)).toBe(moment.now + pause);
  });
});

describe('an answer that was read to its end', () => {
  it.each([200, 201, 204, 299])('%i completes the job', (status) => {
    const answer = { ...result, status };
    expect(afterAnswer(answer, { n: 1 })).toEqual({ kind: 'completed', result: answer, usage: { n: 1 } });
  });

  it.each([
    [301, 'INVALID_REQUEST'],
    [400, 'INVALID_REQUEST'],
    [401, 'UNAUTHORIZED'],
    [403, 'FORBIDDEN'],
    [404, 'NOT_FOUND'],
    [408, 'TIMEOUT'],
    [409, 'CONFLICT'],
    [413, 'SIZE_LIMIT'],
    [422, 'INVALID_REQUEST'],
    [429, 'RATE_LIMIT'],
    [500, 'UNAVAILABLE'],
    [504, 'TIMEOUT'],
    [529, 'UNAVAILABLE'],
  ])('%i fails it as %s, the answer kept', (status, type) => {
    const answer = { ...result, status };
    const error = {
      message: expect.stringContaining(String(status)),
      type,
      code: 'upstream_status',
      upstreamStatus: status,
    };
    expect(afterAnswer(answer, null)).toEqual({ kind: 'failed', result: answer, error });
  });
});

describe('a call whose caller waits', () => {
  const inPlace = { ...running, inPlace: true };

  it('is tried again after half a second, doubling', () => {
    expect(retryAfterAnswer(inPlace, 503, none, moment)).toBe(moment.now + 250);
    expect(retryAfterAnswer({ ...inPlace, failures: 1 }, 503, none, latest)).toBe(latest.now + 1_000);
    const dueAt = moment.now + 250;
    expect(afterFault(inPlace, new GatewayError('upstream_connection'), moment)).toEqual({ kind: 'retry', dueAt });
  });

  it.each<ErrorCode>(['upstream_reset', 'unavailable'])('%s is not tried again where it may pay twice', (code) => {
    expect(afterFault(inPlace, new GatewayError(code), moment)).toMatchObject({ kind: 'failed', error: { code } });
    const safe = { ...inPlace, method: 'GET' };
    expect(afterFault(safe, new GatewayError(code), moment)).toMatchObject({ kind: 'retry' });
  });
});

describe('a call that came to no answer', () => {
  const transient: ErrorCode[] = ['upstream_dns', 'upstream_connection', 'upstream_reset', 'unavailable'];
  const final: ErrorCode[] = [
    ...(['upstream_timeout', 'upstream_idle', 'upstream_total_timeout', 'upstream_tls'] as const),
    ...(['upstream_malformed', 'response_too_large', 'service_not_found', 'secret_unknown'] as const),
  ];

  it.each(transient)('%s is followed by another try, while there is one', (code) => {
    const fault = new GatewayError(code);
    expect(afterFault(running, fault, moment)).toEqual({ kind: 'retry', dueAt: moment.now + 1_000 });
    const last = afterFault({ ...running, failures: 3 }, fault, moment);
    expect(last).toMatchObject({ kind: 'failed', result: null, error: { code, upstreamStatus: null } });
  });

  it.each(final)('%s ends the job: trying again cannot mend it, or may pay twice', (code) => {
    const fault = new GatewayError(code);
    expect(afterFault(running, fault, moment)).toEqual({
      kind: 'failed',
      result: null,
      error: { message: fault.message, type: fault.type, code, upstreamStatus: null },
    });
  });
});
