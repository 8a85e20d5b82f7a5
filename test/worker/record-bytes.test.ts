import { describe, expect, it } from 'vitest';
import { CHUNK_SIZE } from '../../lib/jobs/chunks.ts';
import { recordPieces, textOf } from './record.ts';

const JSON_TYPE = 'application/json';

describe('a whole answer as it is stored', () => {
  it.each([
    [0, 0],
    [1, 1],
    [CHUNK_SIZE - 1, 1],
    [CHUNK_SIZE, 1],
    [CHUNK_SIZE + 1, 2],
    [3 * CHUNK_SIZE, 3],
  ])('%i bytes: %i chunks', async (size, count) => {
    const text = 'x'.repeat(size);
    const pieces = Array.from({ length: Math.ceil(size / 100_000) }, (_, n) =>
      text.slice(n * 100_000, (n + 1) * 100_000),
    );
    const recording = await recordPieces('audio/wav', pieces);
    expect(recording.chunks.map((chunk) => chunk.text.length).every((length) => length <= CHUNK_SIZE)).toBe(true);
    expect(recording.chunks).toHaveLength(count);
    expect(textOf(recording)).toBe(text);
    expect(recording.recorded?.result).toMatchObject({ chunks: count, size, events: null, contentType: 'audio/wav' });
  });

  it.each([10, 300_000, 1_000_000])('JSON with %i bytes of text tells its usage', async (length) => {
    const text = JSON.stringify({ text: 'x'.repeat(length), usage: { n: 1 } });
    const recording = await recordPieces(JSON_TYPE, [text.slice(0, 7), text.slice(7)]);
    expect(recording.recorded?.usage).toEqual({ n: 1 });
    expect(textOf(recording)).toBe(text);
  });

  it('JSON that is very long, or none, tells nothing', async () => {
    const long = JSON.stringify({ text: 'x'.repeat(1_100_000), usage: { n: 1 } });
    expect((await recordPieces(JSON_TYPE, [long])).recorded?.usage).toBeNull();
    expect((await recordPieces(JSON_TYPE, ['{"usage":'])).recorded?.usage).toBeNull();
    expect((await recordPieces(JSON_TYPE, ['[{"usage":{"n":1}}]'])).recorded?.usage).toBeNull();
  });

  it('bytes above 127 are what they were', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const recording = await recordPieces(null, [bytes]);
    expect(Array.from(textOf(recording), (character) => character.charCodeAt(0))).toEqual(Array.from(bytes));
    expect(recording.recorded?.result.contentType).toBeNull();
  });
});
