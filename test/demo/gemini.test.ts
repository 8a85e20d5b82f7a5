import { describe, expect, test } from 'vitest';
import { isObject, parseJson } from '../../lib/json.ts';
import { call, events, json, text, weather, weatherInput } from './call.ts';

const path = '/v1beta/models/demo-echo';
const hello = { contents: [{ role: 'user', parts: [{ text: 'Hello there' }] }] };
const said = 'You said: “Hello there”. This is the demo service, answering without a key and without a network.';
const lyon = {
  contents: [{ parts: [{ text: 'Lyon' }] }],
  tools: [{ functionDeclarations: [{ name: 'weather', parametersJsonSchema: weather }, { name: 'ping' }] }],
};

function textIn(documents: readonly unknown[]): string {
  return documents
    .flatMap((document) => [...JSON.stringify(document).matchAll(/"text":("(?:[^"\\]|\\.)*")/g)])
    .map(([, part]) => parseJson(part ?? ''))
    .join('');
}

describe('generateContent', () => {
  test.each([':', '%3A', '%3a'])('echoes in the shape of Google, after %s', async (colon) => {
    expect(await json(await call(`${path}${colon}generateContent?key=x`, hello))).toEqual({
      candidates: [{ content: { parts: [{ text: said }], role: 'model' }, finishReason: 'STOP', index: 0 }],
      usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 25, totalTokenCount: 28 },
      modelVersion: 'demo-echo',
      responseId: expect.any(String),
    });
  });

  test('lists its models', async () => {
    const answer = await json(await call('/v1beta/models', undefined, { method: 'GET' }));
    expect(answer).toMatchObject({ models: [{ name: 'models/demo-echo' }, { name: 'models/demo-tools' }] });
  });
});

describe('streamGenerateContent', () => {
  test('with alt=sse sends whole documents in data lines, and nothing else', async () => {
    const answer = await call(`${path}:streamGenerateContent?alt=sse`, hello);
    expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const stream = await text(answer);
    expect(stream).toMatch(/^(data: \{[^\n]*\}\n\n)+$/);
    const documents = events(stream);
    expect(textIn(documents)).toBe(said);
    expect(documents.at(-1)).toMatchObject({ candidates: [{ finishReason: 'STOP' }], usageMetadata: {} });
    expect(documents.filter((document) => document['usageMetadata'] !== undefined)).toHaveLength(1);
  });

  test('without it sends a JSON array', async () => {
    const answer = await call(`${path}:streamGenerateContent`, hello);
    expect(answer.headers.get('content-type')).toBe('application/json');
    const documents = parseJson(await text(answer));
    expect(Array.isArray(documents) && textIn(documents)).toBe(said);
  });

  test('of an empty answer still has a last document', async () => {
    const options = { headers: { 'x-demo-length': '0' } };
    const stream = await text(await call(`${path}:streamGenerateContent?alt=sse`, hello, options));
    expect(events(stream)).toMatchObject([{ candidates: [{ finishReason: 'STOP' }] }]);
  });
});

describe('function calls', () => {
  const any = { functionCallingConfig: { mode: 'ANY' } };
  const both = [
    { functionCall: { name: 'weather', args: weatherInput } },
    { functionCall: { name: 'ping', args: {} } },
  ];

  test.each([
    ['mode ANY', path, { toolConfig: any }, both],
    ['in the other spelling', path, { tool_config: { function_calling_config: { mode: 'ANY' } } }, both],
    [
      'allowed names',
      path,
      { toolConfig: { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: ['weather'] } } },
      both.slice(0, 1),
    ],
    ['the model that likes to', '/v1beta/models/demo-tools', {}, both],
  ])('%s', async (_, at, extra, parts) => {
    const whole = await json(await call(`${at}:generateContent`, { ...lyon, ...extra }));
    expect(whole).toMatchObject({ candidates: [{ content: { parts } }] });
    const stream = await text(await call(`${at}:streamGenerateContent?alt=sse`, { ...lyon, ...extra }));
    const streamed = events(stream).map((document) => {
      const [candidate] = Array.isArray(document['candidates']) ? document['candidates'] : [];
      return isObject(candidate) ? candidate['content'] : undefined;
    });
    expect(streamed).toEqual(parts.map((part) => ({ parts: [part], role: 'model' })));
  });

  test('read the types in capitals', async () => {
    const parameters = { type: 'OBJECT', properties: { on: { type: 'BOOLEAN' }, n: { type: 'NUMBER' } } };
    const tools = [{ functionDeclarations: [{ name: 'set', parameters }] }];
    const answer = await text(await call(`${path}:generateContent`, { ...lyon, tools, toolConfig: any }));
    expect(answer).toContain('"args":{"on":true,"n":1}');
  });

  test('end with the result', async () => {
    const response = { functionResponse: { name: 'weather', response: { sky: 'blue' } } };
    const contents = [...lyon.contents, { role: 'user', parts: [response] }];
    const answer = await json(await call('/v1beta/models/demo-tools:generateContent', { ...lyon, contents }));
    expect(textIn([answer])).toContain('The tool answered: “{"sky":"blue"}”.');
  });
});
