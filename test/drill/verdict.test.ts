import { describe, expect, it } from 'vitest';
import type { DrillJob, Evidence, JobEnd, UpstreamCall } from './ledger.ts';
import { judge } from './verdict.ts';

const CALL: UpstreamCall = {
  marker: 'm',
  begun: 100,
  ended: 200,
  fate: 'answered',
  behaviour: 'answer',
  status: 200,
  asked: 'body',
  answer: 'bytes',
};
const END: JobEnd = { status: 'completed', attempts: 1, code: null, upstreamStatus: null, result: 'bytes' };
const JOB: DrillJob = { marker: 'm', asked: 'body', id: 'job_1', end: END };
const SOUND: Evidence = {
  jobs: [JOB],
  calls: [CALL],
  kills: [],
  troubles: [],
  leftovers: [],
  oddities: [],
  storingMs: 5_000,
  reasons: [],
};

const violations = (evidence: Partial<Evidence>) => judge({ ...SOUND, ...evidence }).violations;
const ended = (end: Partial<JobEnd>): DrillJob[] => [{ ...JOB, end: { ...END, ...end } }];
/** A second call of the same job, and the attempts that it takes. */
const twice = (first: Partial<UpstreamCall>, second: Partial<UpstreamCall> = {}, more: Partial<Evidence> = {}) =>
  violations({
    jobs: ended({ attempts: 2 }),
    calls: [
      { ...CALL, ...first },
      { ...CALL, begun: 1_000, ended: 1_100, ...second },
    ],
    ...more,
  });
const failed = (code: string, last: Partial<UpstreamCall>, upstreamStatus: number | null = null) =>
  violations({
    jobs: ended({ status: 'failed', code, upstreamStatus, result: null }),
    calls: [{ ...CALL, answer: null, ...last }],
  });

const KILL = { from: 150, to: 160 };
const LEFT = { fate: 'left' as const, ended: 170, status: null, answer: null };

describe('a drill’s verdict', () => {
  it('has nothing against what is as it should be', () => {
    const { violations, figures } = judge(SOUND);
    expect(violations).toEqual([]);
    expect(figures).toEqual({
      ...{ jobs: 1, completed: 1, failed: {}, calls: 1, surplus: {}, mostCalls: 1, overlaps: 0, leftovers: 0 },
    });
  });

  it.each<[string, Partial<Evidence>, string]>([
    ['a job without an end', { jobs: [{ ...JOB, end: null }] }, 'no end'],
    ['an end that nobody asked for', { jobs: ended({ status: 'cancelled' }) }, 'ended as cancelled'],
    ['two jobs of one call', { jobs: [JOB, { ...JOB, id: 'job_2' }] }, 'm has two jobs'],
    ['one job of two calls', { jobs: [JOB, { ...JOB, marker: 'n' }] }, 'job_1 was given to two callers'],
    ['a result of other bytes', { jobs: ended({ result: 'others' }) }, 'not what the upstream has sent'],
    ['a completion without a result', { jobs: ended({ result: null }) }, 'not what the upstream has sent'],
    ['a completion without a call', { calls: [] }, 'completed without a call'],
    ['a call of another body', { calls: [{ ...CALL, asked: 'other' }] }, 'another body'],
    ['a call of nobody’s', { calls: [CALL, { ...CALL, marker: 'x' }] }, 'x was run, and nobody had it accepted'],
    ['a call without an end', { calls: [{ ...CALL, ended: null }] }, 'still open'],
    [
      'more calls than attempts',
      {
        calls: [
          { ...CALL, fate: 'broken' },
          { ...CALL, begun: 300 },
        ],
      },
      '2 calls in 1 attempts',
    ],
    ['something left over', { leftovers: ['1 messages'] }, 'left over: 1 messages'],
    ['an answer that nobody should get', { oddities: ['a 500'] }, 'a 500'],
  ])('finds %s', (_what, evidence, told) => {
    expect(violations(evidence)).toContainEqual(expect.stringContaining(told));
  });

  describe('of a second call', () => {
    it('wants an explanation', () => {
      expect(twice({})).toEqual(['m: a call that nothing explains']);
      expect(twice(LEFT)).toEqual(['m: a call that nothing explains']);
      expect(twice({ status: 404 })).toEqual(['m: a call that nothing explains']);
    });

    it('takes a broken answer, and one that says "not now", for one', () => {
      expect(twice({ fate: 'broken', answer: null })).toEqual([]);
      expect(twice({ status: 429 })).toEqual([]);
    });

    it('takes a kill for one that came during the call, or before its answer can have been stored', () => {
      expect(twice(LEFT, {}, { kills: [KILL] })).toEqual([]);
      expect(twice({}, {}, { kills: [{ from: 250, to: 260 }] })).toEqual([]);
      expect(twice(LEFT, {}, { kills: [{ from: 1_200, to: 1_210 }] })).toEqual(['m: a call that nothing explains']);
      const late = { begun: 10_000, ended: 10_100 };
      expect(twice({}, late, { kills: [{ from: 9_000, to: 9_010 }] })).toEqual(['m: a call that nothing explains']);
    });

    it('wants a kill of its own for each', () => {
      const calls = [CALL, { ...CALL, begun: 1_000, ended: 1_100 }, { ...CALL, begun: 2_000, ended: 2_100 }];
      const found = judge({ ...SOUND, jobs: ended({ attempts: 3 }), calls, kills: [{ from: 250, to: 260 }] });
      expect(found.violations).toEqual(['m: a call that nothing explains']);
      expect(found.figures).toMatchObject({
        mostCalls: 3,
        surplus: { 'killed before the answer was stored': 1, nothing: 1 },
      });
    });

    it('finds that it began while the first was running, whatever explains it', () => {
      const second = { begun: 180, ended: 400 };
      expect(twice(LEFT, { begun: 165, ended: 400 }, { kills: [KILL] })).toEqual(['m: run by two at once']);
      expect(twice({ fate: 'broken', answer: null }, second)).toEqual(['m: run by two at once']);
      const trouble = { name: 'a jump', from: 120, to: 300 };
      expect(twice({}, second, { troubles: [trouble] })).toEqual(['m: run by two at once']);
    });
  });

  describe('of a failure', () => {
    it.each<[string, Partial<UpstreamCall>, number | null]>([
      ['upstream_status', { status: 500 }, 500],
      ['upstream_timeout', { fate: 'left', behaviour: 'hang' }, null],
      ['upstream_reset', { fate: 'broken' }, null],
      ['upstream_malformed', { behaviour: 'short content-length' }, null],
    ])('takes %s for honest where the upstream did that', (code, last, status) => {
      expect(failed(code, last, status)).toEqual([]);
      expect(failed(code, { fate: 'answered', status: 200 }, status)).toHaveLength(1);
    });

    it('takes no other reason, but those that the drill itself gives', () => {
      expect(failed('internal', { fate: 'broken' })).toHaveLength(1);
      expect(failed('upstream_status', { status: 500 }, 502)).toHaveLength(1);
      const given = ended({ status: 'failed', code: 'delivery_failed', result: null });
      expect(violations({ jobs: given, calls: [] })).toHaveLength(1);
      expect(violations({ jobs: given, calls: [], reasons: ['delivery_failed'] })).toEqual([]);
    });

    it('wants the provider’s own words kept where it has said some', () => {
      const end = { status: 'failed', code: 'upstream_status', upstreamStatus: 500, result: 'others' };
      expect(violations({ jobs: ended(end), calls: [{ ...CALL, status: 500 }] })).toHaveLength(1);
    });
  });
});
