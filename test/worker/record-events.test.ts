import { describe, expect, it } from 'vitest';
import { EventReader } from '../../lib/http/sse.ts';
import { AttemptStopped } from '../../lib/worker/lease.ts';
import { type Recording, recordPieces, textOf } from './record.ts';

const STREAM = ': hi\n\nevent: a\ndata: 1\n\ndata: 2\r\n\r\ndata: 3\r\rdata: four\ndata: more\n\n';
const SSE = 'text/event-stream; charset=utf-8';

/** Each chunk by itself has as many events as the numbers beside the chunks say. */
function expectWholeEvents({ chunks, recorded }: Recording): void {
  let events = 0;
  for (const { eventsBefore, text } of chunks) {
    expect(eventsBefore).toBe(events);
    events += new EventReader().push(Uint8Array.from(text, (character) => character.charCodeAt(0))).length;
  }
  expect(recorded?.result.events).toBe(events);
}

describe('a stream as it is stored', () => {
  it.each([1, 2, 3, 5, 7, 11, 1000])(
    'in pieces of %i bytes: every byte, and no event across two chunks',
    async (size) => {
      const pieces = Array.from({ length: Math.ceil(STREAM.length / size) }, (_, n) =>
        STREAM.slice(n * size, (n + 1) * size),
      );
      const recording = await recordPieces(SSE, pieces);
      expect(textOf(recording)).toBe(STREAM);
      expectWholeEvents(recording);
      expect(recording.recorded?.result).toMatchObject({
        events: 4,
        size: STREAM.length,
        attempt: 1,
        contentType: SSE,
      });
      expect(recording.recorded?.result.chunks).toBe(recording.chunks.length);
    },
  );

  it('an event larger than a store takes ends the stream; what came before it is kept', async () => {
    const pieces = ['data: 1\n\n', ...Array.from({ length: 80 }, () => 'x'.repeat(65_536))];
    const { chunks, error } = await recordPieces(SSE, pieces);
    expect(error).toMatchObject({ code: 'response_too_large' });
    expect(chunks.map(({ text }) => text)).toEqual(['data: 1\n\n']);
  });

  it('many events in one piece: no chunk is much larger than the others', async () => {
    const event = `data: ${'x'.repeat(1_000)}\n\n`;
    const recording = await recordPieces(SSE, [event.repeat(3_000)]);
    expect(textOf(recording)).toBe(event.repeat(3_000));
    expectWholeEvents(recording);
    expect(Math.max(...recording.chunks.map(({ text }) => text.length))).toBeLessThan(600_000);
  });

  it('large events in many pieces: stored as they come, in order', async () => {
    const events = Array.from({ length: 40 }, (_, n) => `data: ${n} ${'x'.repeat(40_000)}\n\n`);
    const pieces = events.flatMap((event) => [event.slice(0, 20_000), event.slice(20_000)]);
    const recording = await recordPieces(SSE, pieces);
    expect(textOf(recording)).toBe(events.join(''));
    expectWholeEvents(recording);
    expect(recording.chunks.length).toBeGreaterThan(2);
  });

  it('an event without an end is kept as bytes, and counted by nobody', async () => {
    const recording = await recordPieces(SSE, ['data: 1\n\ndata: cut']);
    expect(textOf(recording)).toBe('data: 1\n\ndata: cut');
    expect(recording.recorded?.result.events).toBe(1);
  });

  it('nothing at all', async () => {
    const recording = await recordPieces(SSE, []);
    expect(recording.recorded).toMatchObject({ last: null, usage: null, result: { chunks: 0, size: 0, events: 0 } });
  });

  it('its usage, told in two events', async () => {
    const recording = await recordPieces(SSE, [
      'data: {"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}\n\n',
      'data: {"text":"\\"usage\\" is only a word"}\n\ndata: "usage" no JSON\n\n',
      'data: {"type":"message_delta","usage":{"output_tokens":5}}\n\n',
    ]);
    expect(recording.recorded?.usage).toEqual({ input_tokens: 9, output_tokens: 5 });
  });

  it('broken off: the events that came are stored before the error is told', async () => {
    const fault = new Error('broken');
    const recording = await recordPieces(SSE, ['data: 1\n\ndata: 2\n\ndata: ha', fault]);
    expect(recording.error).toBe(fault);
    expect(textOf(recording)).toBe('data: 1\n\ndata: 2\n\n');
  });

  it('fenced: the attempt stops', async () => {
    const pieces = Array.from({ length: 20 }, () => `data: ${'x'.repeat(50_000)}\n\n`);
    const recording = await recordPieces(SSE, pieces, async () => ({ kind: 'fenced' }));
    expect(recording.error).toBeInstanceOf(AttemptStopped);
    expect(recording.error).toMatchObject({ why: 'fenced' });
  });

  it('a store that fails for a moment costs nothing', async () => {
    let calls = 0;
    const recording = await recordPieces(SSE, [`data: ${'x'.repeat(300_000)}\n\n`, 'data: 2\n\n'], async () => {
      if (calls++ === 0) throw new Error('not now');
      return { kind: 'appended', cancelRequested: false };
    });
    expect(recording.error).toBeNull();
    expect(recording.recorded?.result.events).toBe(2);
    expectWholeEvents(recording);
  });
});
