import { expect, test, vi } from 'vitest';
import { call } from './call.ts';

const path = '/v1/echo';
const bytes = Uint8Array.from({ length: 200_001 }, (_, index) => index % 251);

test('the bytes come back unchanged under the same type', async () => {
  const headers = { 'content-type': 'audio/mpeg', 'content-encoding': 'identity' };
  const answer = await call(path, undefined, { raw: bytes, headers });
  expect(answer.status).toBe(200);
  expect(Object.fromEntries(answer.headers)).toEqual(headers);
  expect(await new Response(answer.body).bytes()).toEqual(bytes);
});

test('no body comes back as none', async () => {
  const answer = await call(path);
  expect(await new Response(answer.body).bytes()).toHaveLength(0);
});

test('a stream comes back part by part, before it has ended', async () => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const reader = (await call(path, undefined, { raw: readable })).body?.getReader();
  for (const byte of [1, 2, 3]) {
    const written = writer.write(Uint8Array.of(byte));
    expect(await reader?.read()).toEqual({ done: false, value: Uint8Array.of(byte) });
    await written;
  }
  await writer.close();
  expect(await reader?.read()).toEqual({ done: true, value: undefined });
});

test('a reader that cancels, even before it reads, cancels the request body', async () => {
  const cancel = vi.fn();
  const answer = await call(path, undefined, { raw: new ReadableStream<Uint8Array>({ cancel }) });
  await answer.body?.cancel('no more');
  expect(cancel).toHaveBeenCalledWith('no more');
});

test('an abort ends it with its reason and cancels the request body', async () => {
  const cancel = vi.fn();
  const stop = new AbortController();
  const raw = new ReadableStream<Uint8Array>({ cancel });
  const answer = await call(path, undefined, { raw, signal: stop.signal });
  const read = expect(new Response(answer.body).text()).rejects.toThrow('enough');
  stop.abort(new Error('enough'));
  await read;
  expect(cancel).toHaveBeenCalledOnce();
});

test('a request body that fails fails the answer in the same way', async () => {
  const broken = new Error('broken upload');
  const raw = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(broken) });
  const answer = await call(path, undefined, { raw });
  await expect(new Response(answer.body).text()).rejects.toBe(broken);
});

test.each([
  ['all there', () => bytes, {}],
  ['of an announced length', () => new Blob([bytes]).stream(), { 'content-length': String(bytes.length) }],
])('mid-stream breaks a body %s half-way', async (_, raw, headers) => {
  const answer = await call(path, undefined, { raw: raw(), headers: { ...headers, 'x-demo-fail': 'mid-stream' } });
  let got = 0;
  const read = async () => {
    for await (const part of answer.body ?? []) got += part.length;
  };
  await expect(read()).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(got).toBe(100_001);
});

test('mid-stream breaks a body of unknown length after its first part', async () => {
  const cancel = vi.fn();
  const raw = new ReadableStream<Uint8Array>({ pull: (controller) => controller.enqueue(Uint8Array.of(7)), cancel });
  const reader = (await call(path, undefined, { raw, headers: { 'x-demo-fail': 'mid-stream' } })).body?.getReader();
  expect(await reader?.read()).toMatchObject({ value: Uint8Array.of(7) });
  await expect(reader?.read()).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(cancel).toHaveBeenCalledOnce();
});

test('only POST has an echo', async () => {
  expect((await call(path, undefined, { method: 'PUT' })).status).toBe(404);
});
