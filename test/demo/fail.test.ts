import { describe, expect, test } from 'vitest';
import { call, json, text, untilError } from './call.ts';

const openai = { path: '/v1/chat/completions', body: { messages: [{ role: 'user', content: 'Hi' }] } };
const anthropic = { path: '/v1/messages', body: openai.body };
const gemini = { path: '/v1beta/models/x:generateContent', body: { contents: [{ parts: [{ text: 'Hi' }] }] } };
const message = expect.any(String);

describe.each([
  {
    at: openai,
    key: 'messages',
    bad: { error: { message, type: 'invalid_request_error', param: null, code: null } },
    busy: { error: { message, type: 'requests', param: null, code: 'rate_limit_exceeded' } },
    broken: { error: { message, type: 'server_error', param: null, code: null } },
  },
  {
    at: anthropic,
    key: 'messages',
    bad: { type: 'error', error: { type: 'invalid_request_error', message }, request_id: message },
    busy: { type: 'error', error: { type: 'rate_limit_error', message }, request_id: message },
    broken: { type: 'error', error: { type: 'api_error', message }, request_id: message },
  },
  {
    at: gemini,
    key: 'contents',
    bad: { error: { code: 400, message, status: 'INVALID_ARGUMENT' } },
    busy: { error: { code: 429, message, status: 'RESOURCE_EXHAUSTED' } },
    broken: { error: { code: 500, message, status: 'INTERNAL' } },
  },
])('$at.path', ({ at, key, bad, busy, broken }) => {
  test.each([
    ['429', 429, busy],
    ['500', 500, broken],
  ])('x-demo-fail: %s', async (fail, status, shape) => {
    const answer = await call(at.path, at.body, { headers: { 'x-demo-fail': fail } });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(await json(answer)).toEqual(shape);
  });

  test.each(['{"messages":', '[]', '"text"', ''])('the body %j is refused', async (raw) => {
    const answer = await call(at.path, undefined, { raw: new TextEncoder().encode(raw) });
    expect(answer.status).toBe(400);
    expect(await json(answer)).toEqual(bad);
  });

  test.each([undefined, [], 'Hi', ['Hi']])('the conversation %j is refused', async (value) => {
    const answer = await call(at.path, { [key]: value });
    expect(answer.status).toBe(400);
    expect(await text(answer)).toContain(`'${key}`);
  });

  test('reset breaks the connection before the answer', async () => {
    const pending = call(at.path, at.body, { headers: { 'x-demo-fail': 'reset' } });
    await expect(pending).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  test('mid-stream breaks the document half-way', async () => {
    const whole = await text(await call(at.path, at.body));
    const answer = await call(at.path, at.body, { headers: { 'x-demo-fail': 'mid-stream' } });
    expect(answer.status).toBe(200);
    const { got, error } = await untilError(answer);
    expect(error).toMatchObject({ code: 'ECONNRESET' });
    expect(got.length / whole.length).toBeCloseTo(0.5, 1);
  });
});

test.each([
  { path: openai.path, body: { ...openai.body, stream: true } },
  { path: anthropic.path, body: { ...anthropic.body, stream: true } },
  { path: '/v1beta/models/x:streamGenerateContent?alt=sse', body: gemini.body },
])('mid-stream breaks a stream after some tokens: $path', async ({ path, body }) => {
  const whole = await text(await call(path, body));
  const { got, error } = await untilError(await call(path, body, { headers: { 'x-demo-fail': 'mid-stream' } }));
  expect(error).toMatchObject({ code: 'ECONNRESET' });
  expect(got.endsWith('\n\n')).toBe(true);
  expect(got).toContain('You');
  expect(got.length).toBeLessThan(whole.length * 0.7);
});

test.each([
  ['GET', '/v1/chat/completions'],
  ['POST', '/v1/models'],
  ['GET', '/'],
  ['DELETE', '/v1/files/1'],
])('%s %s is not there', async (method, path) => {
  const answer = await call(path, undefined, { method });
  expect(answer.status).toBe(404);
  expect(await json(answer)).toMatchObject({ error: { type: 'invalid_request_error', code: 'unknown_url' } });
});

test('GET /v1/models lists the models, whatever the query', async () => {
  const answer = await json(await call('/v1/models?limit=2', undefined, { method: 'GET' }));
  expect(answer).toMatchObject({
    object: 'list',
    data: [
      { id: 'demo-echo', object: 'model', owned_by: 'demo' },
      { id: 'demo-tools', object: 'model', owned_by: 'demo' },
    ],
  });
});
