import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../../lib/http/body.ts';
import { EventBoundary, EventReader, eventStream, frame, isEventStream } from '../../lib/http/sse.ts';

const encoder = new TextEncoder();

/** Lines of streams as providers and proxies write them, with each of the three ends of a line. */
const line = fc.oneof(
  fc.constantFrom(
    '',
    '',
    'data',
    'data:',
    'data: {"a":1}',
    'data:x',
    'event: ping',
    'id: 7',
    ': comment',
    'retry: 5',
    'junk',
  ),
  fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => `data: ${text.replaceAll(/[\r\n\uFEFF]/g, '')}`),
);
const stream = fc
  .array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r')), { maxLength: 40 })
  .map((lines) => lines.map(([text, end]) => text + end).join(''));

/** A text's bytes in pieces cut anywhere, in the middle of characters and line ends too. */
const pieces = fc.tuple(stream, fc.array(fc.nat(), { maxLength: 30 })).map(([text, cuts]) => {
  const bytes = encoder.encode(text);
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return { bytes, pieces: at.slice(1).map((end, index) => bytes.subarray(at[index], end)) };
});

/** The parts that a recorder would store, and what is left without an end. */
function cutAtEvents(input: readonly Uint8Array[]): { parts: Uint8Array[]; rest: Uint8Array } {
  const boundary = new EventBoundary();
  const parts: Uint8Array[] = [];
  let rest: Uint8Array[] = [];
  const joined = (list: Uint8Array[]) =>
    concat(
      list,
      list.reduce((total, { length }) => total + length, 0),
    );
  for (const piece of input) {
    const end = boundary.push(piece);
    if (end > 0) parts.push(joined([...rest.splice(0), piece.subarray(0, end)]));
    rest = [...rest, piece.subarray(end)];
  }
  return { parts, rest: joined(rest) };
}

describe('a stream cut at its events', () => {
  it('loses no byte, whatever the pieces', () => {
    fc.assert(
      fc.property(pieces, (input) => {
        const { parts, rest } = cutAtEvents(input.pieces);
        expect(Buffer.concat([...parts, rest]).equals(input.bytes)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives the same events part by part as in one go', () => {
    fc.assert(
      fc.property(pieces, (input) => {
        const { parts, rest } = cutAtEvents(input.pieces);
        const events = [...parts, rest].flatMap((part) => new EventReader().push(part));
        expect(events).toEqual(new EventReader().push(input.bytes));
        expect(new EventReader().push(rest)).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('counts as many events in each part with one reader for all, as a recorder has, as with one for each', () => {
    fc.assert(
      fc.property(pieces, (input) => {
        const { parts } = cutAtEvents(input.pieces);
        const one = new EventReader();
        expect(parts.map((part) => one.push(part))).toEqual(parts.map((part) => new EventReader().push(part)));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['data: a\n\n', 9],
    ['data: a\r\n\r\n', 11],
    ['data: a\r\r', 9],
    ['data: a\n\r\n', 10],
    ['data: a\n\ndata: b', 9],
    ['data: a\n', 0],
    ['data: a\r\n', 0],
    ['', 0],
  ])('%j', (text, end) => {
    expect(new EventBoundary().push(encoder.encode(text))).toBe(end);
  });

  it('a line end that comes in two pieces ends a line, not an event', () => {
    const boundary = new EventBoundary();
    expect(boundary.push(encoder.encode('data: a\r'))).toBe(0);
    expect(boundary.push(encoder.encode('\ndata: b\r'))).toBe(0);
    expect(boundary.push(encoder.encode('\n\r'))).toBe(2);
    expect(boundary.push(encoder.encode('\n'))).toBe(1);
  });
});

describe('an event reader', () => {
  it('reads the same events in any pieces', () => {
    fc.assert(
      fc.property(pieces, (input) => {
        const reader = new EventReader();
        expect(input.pieces.flatMap((piece) => reader.push(piece))).toEqual(new EventReader().push(input.bytes));
      }),
    );
  });
});

describe('frames', () => {
  it.each([
    [{ data: 'x' }, null, 'data: x\n\n'],
    [{ data: 'a\nb' }, null, 'data: a\ndata: b\n\n'],
    [{ event: 'ping', data: '{}' }, 3, 'id: 3\nevent: ping\ndata: {}\n\n'],
  ])('%j', (event, id, text) => {
    expect(frame(event, id)).toBe(text);
    expect(new EventReader().push(encoder.encode(text))).toEqual([event]);
  });

  it('are asked for only when there is a reader, who is missed at once', async () => {
    let asked = 0;
    let left = false;
    async function* frames() {
      for (;;) {
        asked++;
        yield 'data: x\n\n';
        if (asked === 2) await new Promise(() => undefined);
      }
    }
    const reader = eventStream(frames(), () => {
      left = true;
    }).getReader();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(asked).toBe(0);
    await reader.read();
    expect(asked).toBe(1);
    await reader.read();
    void reader.read();
    // The generator hangs in its work, so that it cannot end; that the reader has gone is told nevertheless.
    void reader.cancel();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(left).toBe(true);
  });

  it.each([
    ['text/event-stream', true],
    [' Text/Event-Stream; charset=utf-8', true],
    ['text/event-streams', false],
    ['application/json', false],
    [null, false],
  ])('%s', (type, expected) => {
    expect(isEventStream(type)).toBe(expected);
  });
});
