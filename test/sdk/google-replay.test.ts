import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { ApiError, type GenerateContentResponse, GoogleGenAI } from '@google/genai';
import { generateText, jsonSchema, streamText, type ToolSet, tool } from 'ai';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { frame } from '../../lib/http/sse.ts';
import { isObject, type JsonObject } from '../../lib/json.ts';
import type { ReplayEvent } from '../../lib/replay/format.ts';
import { arrayPieces } from '../../lib/replay/gemini/array.ts';
import { geminiFormat } from '../../lib/replay/gemini.ts';
import { json, streaming } from '../harness/answers.ts';
import { type FakeUpstream, type Handler, startUpstream } from '../harness/upstream.ts';
import { anyResponse, asJson, candidateOf, framesOf, HEAD, replayed, responseOf } from '../replay/gemini.fixtures.ts';

const TEXT = { text: 'One two three, and 👨‍👩‍👧‍👦 sit on the grass.\u2028It is green.' };
const THOUGHT = { text: 'The user greets me, so I greet back.', thought: true };
const SIGNED = { text: 'Signed by the model itself.', thoughtSignature: 'CpcBAdHtim' };
const CALL = {
  functionCall: { id: 'call_1', name: 'weather', args: { city: 'München', days: [1, 2.5], none: null } },
  thoughtSignature: 'CpcBAdHtim',
};
const EMPTY_CALL = { functionCall: { id: 'call_2', name: 'now', args: {} } };
const IMAGE = { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } };
const CODE = { executableCode: { language: 'PYTHON', code: 'print(1 + 2)' } };
const RESULT = { codeExecutionResult: { outcome: 'OUTCOME_OK', output: '3\n' } };
const LATE = {
  safetyRatings: [{ category: 'HARM_CATEGORY_HARASSMENT', probability: 'NEGLIGIBLE' }],
  groundingMetadata: {
    webSearchQueries: ['grass'],
    groundingChunks: [{ web: { uri: 'https://a.example', title: 'Grass' } }],
    groundingSupports: [{ segment: { startIndex: 0, endIndex: 3, text: 'One' }, groundingChunkIndices: [0] }],
  },
  avgLogprobs: -0.25,
};

const STORED: Record<string, JsonObject> = {
  text: responseOf(candidateOf([TEXT], { finishReason: 'MAX_TOKENS' })),
  'thoughts, then text': responseOf(candidateOf([THOUGHT, SIGNED])),
  'text with its grounds': responseOf(candidateOf([TEXT], LATE)),
  'calls of functions': responseOf(candidateOf([TEXT, CALL, EMPTY_CALL])),
  'code and its result, and an image': responseOf(candidateOf([TEXT, CODE, RESULT, IMAGE])),
  'nothing at all': responseOf({ content: { role: 'model' }, finishReason: 'SAFETY', index: 0 }),
  'a blocked prompt': { promptFeedback: { blockReason: 'SAFETY' }, usageMetadata: { promptTokenCount: 4 }, ...HEAD },
};
const CASES = Object.entries(STORED);

let upstream: FakeUpstream;
let answer: Handler;
beforeAll(async () => {
  upstream = await startUpstream((...call) => answer(...call));
});
afterAll(() => upstream.stop());

const wire = (events: readonly ReplayEvent[]) => events.map((event) => frame(event, null));
const streams = (response: JsonObject) => {
  answer = streaming(...wire(replayed(response)));
};
const BROKEN = [
  ...replayed(responseOf(candidateOf([TEXT]))).slice(0, 2),
  geminiFormat.error({ message: 'Too much', type: 'TIMEOUT', code: 'upstream_idle', status: 503 }),
];

describe('the official client', () => {
  // Its getters of text and data warn of the parts that they leave out.
  beforeEach(() => void vi.spyOn(console, 'warn').mockReturnValue());
  afterEach(() => void vi.restoreAllMocks());

  const client = () => new GoogleGenAI({ apiKey: 'test', httpOptions: { baseUrl: upstream.url } });
  const ask = { model: 'gemini-2.5-pro', contents: 'Hello' };

  async function streamed(): Promise<GenerateContentResponse[]> {
    const chunks: GenerateContentResponse[] = [];
    for await (const chunk of await client().models.generateContentStream(ask)) chunks.push(chunk);
    return chunks;
  }

  /** A response as the client gives it, without what it adds of HTTP. */
  const bare = (response: GenerateContentResponse): JsonObject => {
    const { sdkHttpResponse, ...rest } = asJson(response);
    return rest;
  };

  test.each(CASES)('gets chunks that make up what it reads whole: %s', async (_, stored) => {
    answer = json(stored);
    const whole = await client().models.generateContent(ask);
    streams(stored);
    const chunks = await streamed();
    const last = chunks.at(-1);
    expect(bare(whole)).toEqual(stored);
    expect(geminiFormat.collect(chunks.map((chunk) => ({ data: JSON.stringify(bare(chunk)) })))).toEqual(stored);
    expect(chunks.map(({ text }) => text ?? '').join('')).toBe(whole.text ?? '');
    expect(chunks.map(({ data }) => data ?? '').join('')).toBe(whole.data ?? '');
    expect(chunks.flatMap(({ functionCalls }) => functionCalls ?? [])).toEqual(whole.functionCalls ?? []);
    expect(last?.candidates?.[0]?.finishReason).toBe(whole.candidates?.[0]?.finishReason);
    expect(last?.candidates?.[0]?.groundingMetadata).toEqual(whole.candidates?.[0]?.groundingMetadata);
    expect(last?.usageMetadata).toEqual(whole.usageMetadata);
    expect(last?.promptFeedback).toEqual(whole.promptFeedback);
    for (const chunk of chunks) expect(chunk).toMatchObject(HEAD);
  });

  test('gets the parts of each frame of any response as they were written', async () => {
    await fc.assert(
      fc.asyncProperty(anyResponse, async (response) => {
        streams(response);
        const chunks = (await streamed()).map(bare);
        expect(chunks.map(contentsOf)).toEqual(framesOf(replayed(response)).map(contentsOf));
      }),
      { numRuns: 150 },
    );
  });

  test('reads the first candidate’s text though there are others', async () => {
    const other = (index: number, text: string) => candidateOf([{ text: text.repeat(9) }], { index });
    streams(responseOf(other(0, 'Short. '), other(1, 'Much longer than the first. '), other(2, 'A')));
    const chunks = await streamed();
    expect(chunks.map(({ text }) => text).join('')).toBe('Short. '.repeat(9));
    expect(chunks.every(({ text }) => text !== undefined && text !== '')).toBe(true);
  });

  test('remembers the answer in a chat', async () => {
    streams(responseOf(candidateOf([THOUGHT, TEXT, CALL])));
    const chat = client().chats.create({ model: ask.model });
    for await (const _ of await chat.sendMessageStream({ message: 'Hello' }));
    const [, ...turns] = chat.getHistory(true).map((turn) => ({ candidates: [{ content: asJson(turn) }] }));
    const events = turns.map((turn) => ({ data: JSON.stringify({ ...turn, usageMetadata: {} }) }));
    expect(geminiFormat.collect(events)).toMatchObject({
      candidates: [{ content: { parts: [THOUGHT, TEXT, CALL], role: 'model' } }],
    });
  });

  test('throws the error in mid-stream', async () => {
    answer = streaming(...wire(BROKEN));
    const failed = await streamed().catch((reason: unknown) => reason);
    expect(failed).toBeInstanceOf(ApiError);
    expect(failed).toMatchObject({ status: 503, message: expect.stringContaining('got status: UNAVAILABLE') });
  });
});

describe('the ai SDK', () => {
  const inputSchema = jsonSchema<JsonObject>({ type: 'object' });
  const tools: ToolSet = { weather: tool({ inputSchema }), now: tool({ inputSchema }) };
  const ask = () => {
    const provider = createGoogleGenerativeAI({ apiKey: 'test', baseURL: `${upstream.url}/v1beta` });
    return { model: provider('gemini-2.5-pro'), prompt: 'Hello', maxRetries: 0, tools };
  };

  /** Some ids are of its own making, files of two classes, and sources come with their metadata in a stream, else last. */
  const seen = (content: readonly object[]) =>
    content
      .map((part) => ({
        ...part,
        ...('sourceType' in part && { id: null }),
        ...('dynamic' in part && { dynamic: null }),
      }))
      .map((part) => ('toolName' in part && part.toolName === 'code_execution' ? { ...part, toolCallId: null } : part))
      .map((part) => ('file' in part ? { ...part, ...asJson(part.file), file: null } : part))
      .toSorted((one, other) => Number('sourceType' in one) - Number('sourceType' in other));

  test.each(CASES)('reads the replay as it reads the whole: %s', async (_, stored) => {
    answer = json(stored);
    const whole = await generateText(ask());
    streams(stored);
    const errors: unknown[] = [];
    const streamed = streamText({ ...ask(), onError: ({ error }) => void errors.push(error) });
    await streamed.consumeStream();
    expect(errors).toEqual([]);
    expect(seen(await streamed.content)).toEqual(seen(whole.content));
    expect(await streamed.text).toBe(whole.text);
    expect(await streamed.reasoningText).toBe(whole.reasoningText);
    expect(await streamed.finishReason).toBe(whole.finishReason);
    expect(await streamed.usage).toEqual(whole.usage);
    expect(await streamed.providerMetadata).toEqual(whole.providerMetadata);
    expect((await streamed.response).id).toBe(stored['responseId']);
  });

  test('fails with the error in mid-stream', async () => {
    answer = streaming(...wire(BROKEN));
    const errors: unknown[] = [];
    const streamed = streamText({ ...ask(), onError: ({ error }) => void errors.push(error) });
    await streamed.consumeStream();
    expect(errors).toEqual([expect.objectContaining({ message: 'Too much', statusCode: 503 })]);
  });
});

test('the array form is JSON of the same frames, over HTTP too', async () => {
  const events = replayed(responseOf(candidateOf([THOUGHT, TEXT, CALL])));
  answer = (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    for (const piece of arrayPieces(events)) response.write(piece);
    response.end();
  };
  const response = await fetch(`${upstream.url}/v1beta/models/m:streamGenerateContent`, { method: 'POST' });
  expect(await response.json()).toEqual(framesOf(events));
});

/** What every candidate says in a frame. */
function contentsOf({ candidates }: JsonObject): unknown[] {
  return Array.isArray(candidates) ? candidates.filter(isObject).map(({ content }) => content) : [];
}
