import { describe, expect, it } from 'vitest';
import { eventId, readCursor, readWait } from '../../lib/jobs/reading.ts';
import { pollDelay } from '../../lib/jobs/wait.ts';
import { AT, completed, queued, running } from './jobs.ts';

describe('when to poll again', () => {
  it.each([
    [0, 1],
    [14_000, 1],
    [30_000, 3],
    [100_000, 10],
    [10_000_000, 10],
  ])('a job that has run for %i ms: in %i s', (age, seconds) => {
    expect(pollDelay(running, AT + age)).toBe(seconds);
  });

  it.each([
    [1, 1],
    [1_001, 2],
    [59_500, 60],
    [3_600_000, 60],
  ])('a job that is due in %i ms: in %i s', (ahead, seconds) => {
    expect(pollDelay({ ...queued, dueAt: AT + ahead }, AT)).toBe(seconds);
  });

  it('never less than a second, whatever the clocks say', () => {
    expect(pollDelay(running, AT - 5_000)).toBe(1);
    expect(pollDelay(completed, AT)).toBe(1);
  });
});

const requestOf = (query: string, headers: Record<string, string> = {}) =>
  new Request(`http://host/${query}`, { headers });

describe('how long a poll is held', () => {
  it.each([
    ['', {}, 0],
    ['?wait=5', {}, 5],
    ['?wait=60', {}, 60],
    ['?wait=61', {}, 60],
    ['?wait=', {}, 0],
    ['', { prefer: 'wait=7' }, 7],
    ['', { prefer: 'respond-async, Wait="8"; foo' }, 8],
    ['?wait=5', { prefer: 'wait=7' }, 5],
    ['', { prefer: 'wait=soon' }, 0],
  ])('%s %j: %i s', (query, headers, seconds) => {
    expect(readWait(requestOf(query, headers))).toBe(seconds);
  });
});

describe('where a reader goes on', () => {
  it.each([
    ['', {}, { last: null, attempt: null, ids: false, reconnects: false }],
    ['?starting_after=4', {}, { last: 4, attempt: null, ids: false, reconnects: false }],
    ['?starting_after=4.2', {}, { last: 4, attempt: 2, ids: false, reconnects: false }],
    ['?event_ids=true', {}, { last: null, attempt: null, ids: true, reconnects: false }],
    ['', { 'last-event-id': '4' }, { last: 4, attempt: 1, ids: true, reconnects: true }],
    ['', { 'last-event-id': '4.3' }, { last: 4, attempt: 3, ids: true, reconnects: true }],
    ['?starting_after=9', { 'last-event-id': '4' }, { last: 4, attempt: 1, ids: true, reconnects: true }],
    ['', { 'last-event-id': '' }, { last: null, attempt: null, ids: false, reconnects: false }],
  ])('%s %j', (query, headers, cursor) => {
    expect(readCursor(requestOf(query, headers))).toEqual({ ...cursor, isOver: false });
  });

  it('nowhere, once it was told of the end', () => {
    expect(readCursor(requestOf('', { 'last-event-id': 'end' }))).toMatchObject({ last: null, isOver: true });
  });

  it('reads back every id that is given', () => {
    for (const [index, attempt] of [
      [0, 1],
      [12, 1],
      [0, 2],
      [5, 10],
    ] as const) {
      const cursor = readCursor(requestOf('', { 'last-event-id': eventId(index, attempt) }));
      expect(cursor).toMatchObject({ last: index, attempt });
    }
  });

  it('an id read as a whole number is still the right event', () => {
    expect(Number.parseInt(eventId(7, 12), 10)).toBe(7);
  });
});
