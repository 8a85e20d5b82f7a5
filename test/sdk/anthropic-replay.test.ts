import { anthropic, createAnthropic } from '@ai-sdk/anthropic';
import Anthropic, { APIError } from '@anthropic-ai/sdk';
import { generateText, jsonSchema, streamText, type ToolSet, tool } from 'ai';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { frame } from '../../lib/http/sse.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { ReplayEvent } from '../../lib/replay/format.ts';
import { messagesFormat } from '../../lib/replay/messages.ts';
import { json, streaming } from '../harness/answers.ts';
import { type FakeUpstream, type Handler, startUpstream } from '../harness/upstream.ts';
import { asJson, messageOf, plainMessage, replayed, USAGE } from '../replay/messages.fixtures.ts';

const THINKING = { type: 'thinking', thinking: 'The user greets me, so I greet back.', signature: 'EqQBCgIYAhIM' };
const REDACTED = { type: 'redacted_thinking', data: 'EmwKAhgBEgy3va3pzix' };
const CITED = {
  type: 'text',
  text: 'The grass is green, and 👨‍👩‍👧‍👦 sit on it.',
  citations: [
    {
      type: 'char_location',
      cited_text: 'green',
      document_index: 0,
      document_title: 'Grass',
      start_char_index: 0,
      end_char_index: 5,
      file_id: null,
    },
    {
      type: 'web_search_result_location',
      cited_text: 'sit',
      url: 'https://a.example',
      title: 'Sitting',
      encrypted_index: 'x',
    },
  ],
};
const TEXT = { type: 'text', text: 'One two three four five six seven.' };
const CALL = {
  type: 'tool_use',
  id: 'toolu_1',
  name: 'weather',
  input: { city: 'München', days: [1, 2.5, 1e21], more: { 'a "quoted" key': null, yes: true, empty: {} } },
  caller: { type: 'direct' },
};
const EMPTY_CALL = { type: 'tool_use', id: 'toolu_2', name: 'now', input: {}, caller: { type: 'direct' } };
const SEARCH = { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'who sits on grass' } };
const FOUND = {
  type: 'web_search_tool_result',
  tool_use_id: 'srvtoolu_1',
  content: [
    { type: 'web_search_result', url: 'https://a.example', title: 'Sitting', encrypted_content: 'e', page_age: null },
  ],
};
const MCP_CALL = {
  type: 'mcp_tool_use',
  id: 'mcptoolu_1',
  name: 'look',
  server_name: 'eyes',
  input: { at: 'the sky above' },
};
const MCP_RESULT = {
  type: 'mcp_tool_result',
  tool_use_id: 'mcptoolu_1',
  is_error: false,
  content: [{ type: 'text', text: 'blue' }],
};
const COMPACTION = { type: 'compaction', content: 'What was said before.', encrypted_content: null };
const container = { id: 'container_1', expires_at: '2030-01-01T00:00:00Z', skills: null };

const STORED: Record<string, JsonObject> = {
  text: messageOf([TEXT], { stop_reason: 'stop_sequence', stop_sequence: 'seven.' }),
  'thinking, then text': messageOf([THINKING, REDACTED, TEXT]),
  'text that cites': messageOf([TEXT, CITED]),
  'calls of tools': messageOf([TEXT, CALL, EMPTY_CALL], { stop_reason: 'tool_use' }),
  'tools of the server': messageOf([SEARCH, FOUND, CITED], { container }),
  'tools of an MCP server': messageOf([MCP_CALL, MCP_RESULT, TEXT]),
  'nothing at all': messageOf([], {
    stop_reason: 'refusal',
    stop_details: { type: 'refusal', category: null, explanation: 'No.' },
  }),
};
const CASES = Object.entries(STORED);

const inputSchema = jsonSchema<JsonObject>({ type: 'object' });
const tools: ToolSet = {
  weather: tool({ inputSchema }),
  now: tool({ inputSchema }),
  web_search: anthropic.tools.webSearch_20250305(),
};

let upstream: FakeUpstream;
let answer: Handler;
beforeAll(async () => {
  upstream = await startUpstream((...call) => answer(...call));
});
afterAll(() => upstream.stop());

/** A heartbeat before each event, as a slow replay may have. */
const wire = (events: readonly ReplayEvent[]) =>
  events.map((event) => `${messagesFormat.heartbeat}${frame(event, null)}`);
const streams = (message: JsonObject) => {
  answer = streaming(...wire(replayed(message)));
};

describe('the official client', () => {
  const client = () => new Anthropic({ apiKey: 'test', baseURL: upstream.url, maxRetries: 0 });
  const ask = { model: 'any', max_tokens: 9, messages: [{ role: 'user' as const, content: 'Hello' }] };

  /** The helper adds what it makes of a structured output, here nothing. */
  const withoutParsed = (message: object) => {
    const { parsed_output, ...rest } = asJson(message);
    expect(parsed_output).toBeNull();
    return rest;
  };

  test.each(CASES)('accumulates to what it reads whole: %s', async (_, stored) => {
    streams(stored);
    expect(withoutParsed(await client().messages.stream(ask).finalMessage())).toEqual(stored);
    answer = json(stored);
    expect(asJson(await client().messages.create(ask))).toEqual(stored);
  });

  test('accumulates to any message', async () => {
    await fc.assert(
      fc.asyncProperty(plainMessage, async (stored) => {
        streams(stored);
        expect(withoutParsed(await client().messages.stream(ask).finalMessage())).toEqual(stored);
      }),
      { numRuns: 150 },
    );
  });

  test('yields the very events, pings aside', async () => {
    const events = replayed(messageOf([THINKING, CITED, CALL]));
    answer = streaming(...wire(events));
    const seen: string[] = [];
    for await (const event of await client().messages.create({ ...ask, stream: true }))
      seen.push(JSON.stringify(event));
    expect(seen).toEqual(events.map(({ data }) => data));
  });

  test('tells its listeners of text, thoughts, citations and input as they come', async () => {
    streams(messageOf([THINKING, CITED, CALL]));
    const told: Record<string, unknown[]> = { text: [], thinking: [], signature: [], inputJson: [], citation: [] };
    const stream = client().messages.stream(ask);
    stream.on('text', (piece) => told['text']?.push(piece));
    stream.on('thinking', (piece) => told['thinking']?.push(piece));
    stream.on('signature', (signature) => told['signature']?.push(signature));
    stream.on('inputJson', (piece) => told['inputJson']?.push(piece));
    stream.on('citation', (citation) => told['citation']?.push(citation));
    await stream.done();
    expect(told['text']?.join('')).toBe(CITED.text);
    expect(told['thinking']?.join('')).toBe(THINKING.thinking);
    expect(told['inputJson']?.join('')).toBe(JSON.stringify(CALL.input));
    expect(told).toMatchObject({ signature: [THINKING.signature], citation: CITED.citations });
  });

  test('accumulates the beta interface’s own blocks and fields', async () => {
    const stored = messageOf(
      [
        COMPACTION,
        MCP_CALL,
        MCP_RESULT,
        { type: 'fallback', from: { model: 'a' }, to: { model: 'claude-sonnet-4-5' } },
        TEXT,
      ],
      {
        container,
        context_management: { applied_edits: [{ type: 'compact_20260112' }] },
        input_transformations: [{ type: 'x' }],
        usage: {
          ...USAGE,
          iterations: [{ type: 'message', input_tokens: 1, output_tokens: 2 }],
          fallback_credit: { x: 1 },
        },
      },
    );
    streams(stored);
    expect(withoutParsed(await client().beta.messages.stream(ask).finalMessage())).toEqual(stored);
  });

  test.each([
    [429, 'rate_limit_error'],
    [504, 'timeout_error'],
    [529, 'overloaded_error'],
  ])('throws the error in mid-stream: %d', async (status, type) => {
    const error = { message: 'Too much', type: 'TIMEOUT', code: 'upstream_idle', status };
    answer = streaming(...wire([...replayed(messageOf([TEXT])).slice(0, 3), messagesFormat.error(error)]));
    const failed = await client()
      .messages.stream(ask)
      .finalMessage()
      .catch((reason: unknown) => reason);
    expect(failed).toBeInstanceOf(APIError);
    expect(failed).toMatchObject({
      type,
      error: { error: { type, message: 'Too much', code: 'upstream_idle' }, status },
    });
  });
});

describe('the ai SDK', () => {
  const model = () => createAnthropic({ apiKey: 'test', baseURL: `${upstream.url}/v1` })('claude-sonnet-4-5');
  const ask = () => ({ model: model(), prompt: 'Hello', maxRetries: 0, tools });

  /** Sources have ids of their own making. */
  const seen = (content: readonly object[]) =>
    content.map((part) => ({ ...part, ...('sourceType' in part && { id: null }) }));

  // The plain interface of the official client has no summaries.
  const cases = [...CASES, ['a summary', messageOf([COMPACTION, TEXT])] as const];

  test.each(cases)('reads the replay as it reads the whole: %s', async (_, stored) => {
    answer = json(stored);
    const whole = await generateText(ask());
    streams(stored);
    const errors: unknown[] = [];
    const streamed = streamText({ ...ask(), onError: ({ error }) => void errors.push(error) });
    await streamed.consumeStream();
    expect(errors).toEqual([]);
    // In a stream a citation's source comes while its text is still open; in the whole, after it.
    const order = (content: readonly object[]) =>
      content.toSorted((a, b) => Number('sourceType' in a) - Number('sourceType' in b));
    expect(order(seen(await streamed.content))).toEqual(order(seen(whole.content)));
    expect(await streamed.text).toBe(whole.text);
    expect(await streamed.reasoningText).toBe(whole.reasoningText);
    expect(await streamed.toolCalls).toEqual(whole.toolCalls);
    expect(await streamed.finishReason).toBe(whole.finishReason);
    expect(await streamed.usage).toEqual(whole.usage);
    expect(await streamed.providerMetadata).toEqual(whole.providerMetadata);
    const { id, modelId } = await streamed.response;
    expect({ id, modelId }).toEqual({ id: stored['id'], modelId: stored['model'] });
  });

  test('fails with the error in mid-stream', async () => {
    const error = { message: 'Too much', type: 'TIMEOUT', code: 'upstream_idle', status: 529 };
    answer = streaming(...wire([...replayed(messageOf([TEXT])).slice(0, 3), messagesFormat.error(error)]));
    const errors: unknown[] = [];
    const streamed = streamText({ ...ask(), onError: ({ error }) => void errors.push(error) });
    await streamed.consumeStream();
    expect(errors).toEqual([expect.objectContaining({ type: 'overloaded_error', message: 'Too much' })]);
  });
});
