import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { call, text } from './call.ts';

const path = '/v1/chat/completions';
const hello = { messages: [{ role: 'user', content: 'Hello there, you' }] };
const slow = { 'x-demo-token-delay-ms': '600000' };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length;
}

/** A reader of a slow stream that has had its first frame and waits for the second. */
async function waiting(signal: AbortSignal) {
  const answer = await call(path, { ...hello, stream: true }, { headers: slow, signal });
  const reader = answer.body?.getReader();
  if (reader === undefined) throw new Error('no body');
  await reader.read();
  const second = reader.read();
  await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1));
  return { reader, second };
}

describe('abort', () => {
  test.each([
    ['during the delay', { 'x-demo-delay-ms': '600000' }],
    ['of a call that hangs', { 'x-demo-fail': 'hang' }],
  ])('%s rejects with the reason and leaves no timer', async (_, headers) => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const rejected = expect(call(path, hello, { headers, signal: stop.signal })).rejects.toBe(reason);
    await vi.advanceTimersByTimeAsync(300_000);
    stop.abort(reason);
    await rejected;
    expect(vi.getTimerCount()).toBe(0);
    expect(listeners(stop.signal)).toBe(0);
  });

  test('before the call rejects with the reason', async () => {
    const reason = new Error('too late');
    await expect(call(path, hello, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test('while the next token is awaited errors the stream', async () => {
    const stop = new AbortController();
    const { second } = await waiting(stop.signal);
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(second).rejects.toBe(reason);
    expect(vi.getTimerCount()).toBe(0);
    expect(listeners(stop.signal)).toBe(0);
  });

  test('while nobody reads errors the stream', async () => {
    const stop = new AbortController();
    const answer = await call(path, { ...hello, stream: true }, { signal: stop.signal });
    const reason = new Error('enough');
    stop.abort(reason);
    await expect(text(answer)).rejects.toBe(reason);
  });

  test('while the request is still coming in cancels it', async () => {
    const stop = new AbortController();
    const cancel = vi.fn();
    const raw = new ReadableStream<Uint8Array>({ cancel });
    const reason = new Error('enough');
    const rejected = expect(call(path, undefined, { raw, signal: stop.signal })).rejects.toBe(reason);
    stop.abort(reason);
    await rejected;
    expect(cancel).toHaveBeenCalledWith(reason);
  });
});

describe('the end', () => {
  test('by a reader that cancels stops the timer', async () => {
    const stop = new AbortController();
    const { reader } = await waiting(stop.signal);
    await reader.cancel();
    expect(vi.getTimerCount()).toBe(0);
    expect(listeners(stop.signal)).toBe(0);
  });

  test.each([{}, { 'x-demo-delay-ms': '5' }])('of the body leaves nothing behind, with %j', async (headers) => {
    const stop = new AbortController();
    const pending = call(path, { ...hello, stream: true }, { headers, signal: stop.signal });
    await vi.advanceTimersByTimeAsync(5);
    expect(await text(await pending)).toContain('[DONE]');
    expect(vi.getTimerCount()).toBe(0);
    expect(listeners(stop.signal)).toBe(0);
  });

  test('of a request body that was a stream leaves nothing behind', async () => {
    const stop = new AbortController();
    const raw = new Blob([JSON.stringify(hello)]).stream();
    expect((await call(path, undefined, { raw, signal: stop.signal })).status).toBe(200);
    // The one that is left is the unread answer's.
    expect(listeners(stop.signal)).toBe(1);
  });
});

test('nothing is made before it is read', async () => {
  const pull = vi.fn((controller: ReadableStreamDefaultController<Uint8Array>) => controller.enqueue(Uint8Array.of(1)));
  const raw = new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 });
  const reader = (await call('/v1/echo', undefined, { raw })).body?.getReader();
  await vi.advanceTimersByTimeAsync(1);
  expect(pull).not.toHaveBeenCalled();
  await reader?.read();
  await vi.advanceTimersByTimeAsync(1);
  expect(pull).toHaveBeenCalledOnce();
});
