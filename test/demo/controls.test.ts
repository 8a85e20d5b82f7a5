import { expect, test } from 'vitest';
import { call, events, json, text } from './call.ts';

const path = '/v1/chat/completions';
const hello = { messages: [{ role: 'user', content: 'Hi 👋🏽' }] };

async function contentOf(headers: Record<string, string>): Promise<string> {
  const answer = await call(path, hello, { headers });
  const whole = await json(answer);
  const [, content = ''] = /"content":"(.*?)","refusal"/.exec(JSON.stringify(whole)) ?? [];
  return content;
}

test.each([
  ['x-demo-delay-ms', '600001'],
  ['x-demo-delay-ms', '-1'],
  ['x-demo-delay-ms', '1.5'],
  ['x-demo-delay-ms', ''],
  ['x-demo-token-delay-ms', '600001'],
  ['x-demo-token-delay-ms', '1e3'],
  ['x-demo-length', '5000001'],
  ['x-demo-length', 'long'],
  ['x-demo-length', '9'.repeat(400)],
  ['x-demo-fail', '502'],
  ['x-demo-fail', ''],
])('%s: %s is refused by name', async (name, value) => {
  const answer = await call(path, hello, { headers: { [name]: value } });
  expect(answer.status).toBe(400);
  expect(answer.headers.has('retry-after')).toBe(false);
  const message = expect.stringContaining(`Header ${name} must be`);
  expect(await json(answer)).toMatchObject({ error: { type: 'invalid_request_error', param: name, message } });
});

test.each([0, 1, 10, 11, 12, 13, 14, 15, 16, 100, 1_000])('an answer of %i characters', async (length) => {
  const content = await contentOf({ 'x-demo-length': String(length) });
  expect(content).toHaveLength(length);
  expect(content.isWellFormed()).toBe(true);
});

test('the longest answer comes whole, and streamed in a bounded number of pieces', async () => {
  const headers = { 'x-demo-length': '5000000' };
  expect(await contentOf(headers)).toHaveLength(5_000_000);
  const chunks = events(await text(await call(path, { ...hello, stream: true }, { headers })));
  const content = chunks.map((chunk) => /"content":"(.*?)"\}/.exec(JSON.stringify(chunk))?.[1] ?? '').join('');
  expect(content).toBe(await contentOf(headers));
  expect(chunks.length).toBeLessThan(2_100);
});

test('the delay is kept before the answer, and between tokens', async () => {
  const before = performance.now();
  const headers = { 'x-demo-delay-ms': '60', 'x-demo-token-delay-ms': '15', 'x-demo-length': '10' };
  const answer = await call(path, { ...hello, stream: true }, { headers });
  const headersAt = performance.now();
  // Timers may fire up to a millisecond early.
  expect(headersAt - before).toBeGreaterThanOrEqual(59);
  const frames = (await text(answer)).split('\n\n').length - 1;
  expect(performance.now() - headersAt).toBeGreaterThanOrEqual((frames - 1) * 14);
});

test('the longest delay is accepted', async () => {
  const stop = new AbortController();
  const pending = call(path, hello, { headers: { 'x-demo-delay-ms': '600000' }, signal: stop.signal });
  stop.abort(new Error('enough'));
  await expect(pending).rejects.toThrow('enough');
});
