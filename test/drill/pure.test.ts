import { describe, expect, it } from 'vitest';
import { answerOf, eventsOf } from './answers.ts';
import type { Outcome } from './drill.ts';
import { differences } from './drills/readers.ts';
import { readOptions } from './options.ts';
import { document } from './report.ts';

const dataOf = (event: Buffer) => event.toString().slice('data: '.length).trimEnd();

describe('what a reader got', () => {
  const whole = eventsOf('m').map((event) => ({ id: null, data: dataOf(event) }));

  it('is right where it is the stream, or its beginning for one who left', () => {
    expect(differences('m', 'stalls', whole, whole, true)).toEqual([]);
    expect(differences('m', 'leaves', whole.slice(0, 2), whole, true)).toEqual([]);
  });

  it('is wrong where an event is missing, comes twice, or is another', () => {
    const [first] = whole;
    if (first === undefined) throw new Error('no events');
    const wrong = [whole.slice(1), [first, ...whole], whole.slice(0, -1), [...whole.slice(0, -1), first], []];
    for (const live of wrong)
      expect(differences('m', 'comes again after every event', live, whole, true)).toHaveLength(1);
    expect(differences('m', 'leaves', whole.slice(1, 3), whole, true)).toHaveLength(1);
    expect(differences('m', 'leaves', [], whole, true)).toHaveLength(1);
  });

  it('is wrong where all of it is not what the upstream said', () => {
    const other = eventsOf('n').map((event) => ({ id: null, data: dataOf(event) }));
    expect(differences('m', 'stalls', other, other, true)).toHaveLength(1);
    expect(differences('m', 'stalls', whole, whole, false)).toHaveLength(1);
  });

  it('has in a replay the words of the answer', () => {
    const { content } = JSON.parse(answerOf('m').toString()).choices[0].message;
    const chunk = { id: null, data: JSON.stringify({ choices: [{ delta: { content } }] }) };
    const done = { id: null, data: '[DONE]' };
    expect(differences('m', 'stalls', [chunk, done], [chunk, done], false)).toEqual([]);
    expect(differences('m', 'stalls', [chunk], [chunk], false)).toHaveLength(1);
  });
});

describe('options', () => {
  it('are those of the whole run unless told otherwise', () => {
    expect(readOptions([], 5)).toMatchObject({ jobs: 1_000, kills: 30, seed: 5, only: null, whole: true });
    expect(readOptions(['--only', 'kill', '--composition', 'local'], 5)).toMatchObject({
      ...{ only: ['kill'], compositions: ['local'], whole: false },
    });
    expect(readOptions(['--jobs', '200', '--seed', '42'], 5)).toMatchObject({ jobs: 200, seed: 42, whole: false });
  });

  it('are refused where they are none', () => {
    for (const args of [['--jobs', 'many'], ['--composition', 'moon'], ['--fast']]) {
      expect(() => readOptions(args, 1)).toThrow();
    }
  });
});

describe('the document', () => {
  it('tells every figure, and what was left out', () => {
    const figures = {
      jobs: 1_000,
      completed: 990,
      failed: { 'upstream_status 500': 10 },
      calls: 1_034,
      surplus: { 'killed during the call': 34 },
      mostCalls: 3,
      overlaps: 0,
      leftovers: 0,
    };
    const outcome: Outcome = {
      ...{ drill: 'kill', what: 'Killed.', composition: 'cloud', notes: ['30 kills'], seconds: 61 },
      ...{ violations: [], figures },
    };
    const leftOut = [{ drill: 'redis', composition: 'local' as const, why: 'there is none' }];
    const text = document({ machine: 'M', node: 'N', redis: 'R', seed: 7, seconds: 601, outcomes: [outcome], leftOut });
    expect(text).toContain(
      '| kill | Redis + QStash | 1000 | 990 | 10 upstream_status 500 | 1034 | 34 killed during the call | 0 | 0 | 61 |',
    );
    expect(text).toContain('On M, Node N, redis-server R; seed 7; 10 min 1 s in all.');
    expect(text).toContain('- Redis + QStash: 30 kills; at most 3 calls of one job.');
    expect(text).toContain('- `redis` on one machine (SQLite): there is none.');
  });
});
