import { describe, expect, it } from 'vitest';
import { gather, readBody } from '../../lib/http/body.ts';

const LIMITS = { whole: 10, max: 30 };

/** A body that comes in the given pieces, and tells how many have been asked for. */
function requestOf(pieces: readonly (string | Error)[], headers: Record<string, string> = {}) {
  const state = { asked: 0, cancelled: false };
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = pieces[state.asked++];
        if (piece === undefined) controller.close();
        else if (piece instanceof Error) controller.error(piece);
        else controller.enqueue(new TextEncoder().encode(piece));
      },
      cancel() {
        state.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  const init = { method: 'POST', headers, body, duplex: 'half' as const };
  return { request: new Request('http://gateway/', init), state };
}

const text = async (body: Awaited<ReturnType<typeof readBody>>) => new TextDecoder().decode(await gather(body));

describe('a request’s body', () => {
  it('is none where there is none', async () => {
    expect(await readBody(new Request('http://gateway/'), LIMITS)).toEqual({ kind: 'none' });
    expect(await readBody(requestOf([]).request, LIMITS)).toEqual({ kind: 'none' });
    expect(await readBody(requestOf(['x'], { 'content-length': '0' }).request, LIMITS)).toEqual({ kind: 'none' });
  });

  it('is whole up to the limit', async () => {
    const body = await readBody(requestOf(['12345', '67890']).request, LIMITS);
    expect(body.kind).toBe('whole');
    expect(await text(body)).toBe('1234567890');
  });

  it('is read no further than to know that it is longer', async () => {
    const { request, state } = requestOf(['12345', '67890', '1', '2345', '6']);
    const body = await readBody(request, LIMITS);
    expect([body.kind, state.asked]).toEqual(['stream', 3]);
    expect(await text(body)).toBe('1234567890123456');
  });

  it('is not read at all where its length says so', async () => {
    const { request, state } = requestOf(['12345', '67890', '1'], { 'content-length': '11' });
    const body = await readBody(request, LIMITS);
    expect(body).toMatchObject({ kind: 'stream', size: 11 });
    expect(state.asked).toBe(0);
    expect(await text(body)).toBe('12345678901');
  });

  it('is refused at once where its length is too much', async () => {
    const { request, state } = requestOf(['x'], { 'content-length': '31' });
    await expect(readBody(request, LIMITS)).rejects.toMatchObject({ code: 'request_too_large', status: 413 });
    expect(state.asked).toBe(0);
  });

  it('is refused when it turns out to be too much, and read no further', async () => {
    const { request, state } = requestOf(['1234567890', '1234567890', '1234567890', '1', 'never']);
    const body = await readBody(request, LIMITS);
    await expect(gather(body)).rejects.toMatchObject({ code: 'request_too_large' });
    expect(state).toEqual({ asked: 4, cancelled: true });
  });

  it('is refused just so where less may come than could be held whole', async () => {
    const { request, state } = requestOf(['1234', '5', 'never']);
    await expect(readBody(request, { whole: 10, max: 4 })).rejects.toMatchObject({ code: 'request_too_large' });
    expect(state).toEqual({ asked: 2, cancelled: true });
  });

  it.each([
    ['while it is held', ['1', new Error('gone')]],
    ['while it is passed on', ['12345678901', new Error('gone')]],
  ])('that breaks off %s says so', async (_name, pieces) => {
    const reading = readBody(requestOf(pieces).request, LIMITS).then(gather);
    await expect(reading).rejects.toMatchObject({ code: 'body_interrupted', status: 400 });
  });

  it('tells its source that its reader has gone', async () => {
    const { request, state } = requestOf(['12345678901', '2']);
    const body = await readBody(request, LIMITS);
    if (body.kind === 'stream') await body.stream.cancel();
    expect(state.cancelled).toBe(true);
  });
});
