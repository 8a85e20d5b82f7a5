import { createServer, type Server } from 'node:http';
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, jsonSchema, streamText, tool } from 'ai';
import fc from 'fast-check';
import OpenAI, { APIError } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frame } from '../../lib/http/sse.ts';
import type { JsonObject } from '../../lib/json.ts';
import { completionsFormat } from '../../lib/replay/completions.ts';
import type { ReplayEvent, StreamFormat } from '../../lib/replay/format.ts';
import { responsesFormat } from '../../lib/replay/responses.ts';
import { anyResponse, ITEMS, responseOf, TEXT_PART } from '../replay/responses.fixtures.ts';

const OPTIONS = { pieceLength: 10, includeUsage: true };
const ERROR = { message: 'Too much', type: 'server_error', code: 'overloaded', status: 503 };

/** What the server answers with: the stored JSON, or these events, a heartbeat before each. */
let stored: JsonObject = {};
let events: readonly ReplayEvent[] = [];
let heartbeat: string | null = null;

function serve(format: StreamFormat, completion: JsonObject): readonly ReplayEvent[] {
  const replayed = format.replay(completion, OPTIONS);
  if (!replayed) throw new Error('The completion was not replayed.');
  [stored, events, heartbeat] = [completion, replayed, format.heartbeat];
  return replayed;
}

let server: Server;
let baseURL: string;
beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    if (JSON.parse(body).stream !== true) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(stored));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of events) response.write(`${heartbeat ?? ''}${frame(event, null)}`);
    response.end();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  baseURL = `http://127.0.0.1:${address.port}/v1`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

const client = () => new OpenAI({ apiKey: 'sk-test', baseURL, maxRetries: 0 });
const ai = () => createOpenAI({ apiKey: 'sk-test', baseURL });
const ask = { model: 'gpt-5', input: 'Hello' };

async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => null,
    (error: unknown) => error,
  );
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

describe('a replayed response in the official client', () => {
  const everyItem = responseOf(Object.values(ITEMS));
  /** What the `.stream()` helper has in the end. */
  const final = () => client().responses.stream(ask).finalResponse();

  it('is the stored one, whatever is in it', async () => {
    await fc.assert(
      fc.asyncProperty(anyResponse, async (response) => {
        serve(responsesFormat, response);
        expect(await final()).toMatchObject(response);
      }),
      { numRuns: 100 },
    );
  });

  it('accumulates to the stored items also without the last event', async () => {
    await fc.assert(
      fc.asyncProperty(anyResponse, async (response) => {
        events = serve(responsesFormat, response).slice(0, -1);
        expect(await final()).toMatchObject({ output: response['output'] });
      }),
      { numRuns: 100 },
    );
  });

  it('accumulates from the deltas alone to what collecting them gives', async () => {
    await fc.assert(
      fc.asyncProperty(anyResponse, async (response) => {
        events = serve(responsesFormat, response)
          .slice(0, -1)
          .filter(({ event }) => !event?.endsWith('.done'));
        const collected = responsesFormat.collect(events);
        expect(await final()).toMatchObject({ output: collected?.['output'] });
      }),
      { numRuns: 100 },
    );
  });

  it('has the text, the number of each event, and the closing response in raw iteration', async () => {
    serve(responsesFormat, everyItem);
    const seen = await all(await client().responses.create({ ...ask, stream: true }));
    expect(seen.map(({ sequence_number }) => sequence_number)).toEqual(seen.map((_, index) => index));
    expect(seen.at(-1)).toMatchObject({ type: 'response.completed', response: everyItem });
    const text = seen.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join('');
    expect(text).toBe('One two three four.And a second part.');
    expect((await final()).output_text).toBe(text);
  });

  it.each(['incomplete', 'failed', 'cancelled', 'queued', 'in_progress'])('that is %s says so', async (status) => {
    serve(responsesFormat, responseOf([ITEMS.message], { status, error: { code: 'server_error', message: 'No' } }));
    expect(await final()).toMatchObject({ status, error: { message: 'No' }, output: [ITEMS.message] });
  });

  it.each([
    ['at once', 0],
    ['in the middle', 5],
  ])('that fails %s raises the error, from the helper and in raw iteration', async (_, length) => {
    events = [...serve(responsesFormat, everyItem).slice(0, length), responsesFormat.error(ERROR)];
    const raw = async () => all(await client().responses.create({ ...ask, stream: true }));
    for (const read of [final, raw]) {
      const error = await errorOf(read());
      expect(error).toBeInstanceOf(APIError);
      expect(error).toMatchObject({ message: 'Too much', code: 'overloaded', type: 'server_error', param: null });
    }
  });
});

const tools = { weather: tool({ inputSchema: jsonSchema<JsonObject>({ type: 'object' }), execute: () => 'Sunny' }) };

/** The same question to both forms of the ai SDK. */
async function bothForms(model: Parameters<typeof generateText>[0]['model']) {
  // It gives encrypted thoughts only to a caller who keeps them.
  const providerOptions = { openai: { store: false } };
  const question = { model, prompt: 'Hello', tools, maxRetries: 0, providerOptions };
  const whole = await generateText(question);
  const streamed = streamText({ ...question, onError: () => undefined });
  const parts = await all(streamed.fullStream);
  return { whole, streamed, errors: parts.filter(({ type }) => type === 'error') };
}

/** Without what the SDK makes up for each answer anew, or tells of tools in one form only. */
function comparable(content: readonly { type: string }[]): unknown[] {
  return content.map((part) => ({ ...part, ...(part.type === 'source' && { id: null }), dynamic: null }));
}

/** Of a streamed item, native or not, the ai SDK joins the text parts, and keeps encrypted thoughts with the last part only. */
const AI_ITEMS = {
  ...ITEMS,
  message: { ...ITEMS.message, content: [TEXT_PART] },
  reasoning: { ...ITEMS.reasoning, summary: ITEMS.reasoning.summary.slice(0, 1) },
};

describe('a replayed response in the ai SDK', () => {
  it.each(Object.entries(AI_ITEMS))('gives of a %s what the whole answer gives', async (_, item) => {
    serve(responsesFormat, responseOf([item]));
    const { whole, streamed, errors } = await bothForms(ai().responses('gpt-5'));
    expect(errors).toEqual([]);
    expect(comparable(await streamed.content)).toEqual(comparable(whole.content));
    expect(await streamed.usage).toEqual(whole.usage);
    expect(await streamed.finishReason).toBe(whole.finishReason);
    expect((await streamed.response).id).toBe(whole.response.id);
  });

  it('raises the error of a stream that fails at once, and tells it in one that fails on the way', async () => {
    for (const length of [0, 5]) {
      events = [...serve(responsesFormat, responseOf([ITEMS.message])).slice(0, length), responsesFormat.error(ERROR)];
      const { errors } = await bothForms(ai().responses('gpt-5'));
      expect(errors).toMatchObject([{ error: { message: 'Too much' } }]);
    }
  });
});

describe('a replayed legacy completion', () => {
  const choice = (index: number, text: string, finish_reason: string) => ({
    text,
    index,
    logprobs: { tokens: [text], token_logprobs: [-1], top_logprobs: [{ a: -1 }], text_offset: [0] },
    finish_reason,
  });
  const completion = {
    id: 'cmpl-1',
    object: 'text_completion',
    created: 1_700_000_000,
    model: 'gpt-3.5-turbo-instruct',
    choices: [choice(0, 'One two three four. Five 👩‍👩‍👧‍👦 six.', 'stop'), choice(1, 'Other', 'length')],
    usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
  };
  const question = { model: 'gpt-3.5-turbo-instruct', prompt: 'Count' };

  it('is the stored one in the official client', async () => {
    serve(completionsFormat, completion);
    const chunks = await all(await client().completions.create({ ...question, stream: true }));
    const { choices, usage, ...head } = completion;
    for (const chunk of chunks) expect(chunk).toMatchObject(head);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage });
    for (const { index, text, logprobs, finish_reason } of choices) {
      const frames = chunks.flatMap((chunk) => chunk.choices.filter((frame) => frame.index === index));
      expect(frames.map((frame) => frame.text).join('')).toBe(text);
      expect(frames.map((frame) => frame.finish_reason).filter(Boolean)).toEqual([finish_reason]);
      expect(frames.flatMap((frame) => frame.logprobs ?? [])).toEqual([logprobs]);
    }
  });

  it('raises the error of a stream that fails on the way', async () => {
    events = [...serve(completionsFormat, completion).slice(0, 2), completionsFormat.error(ERROR)];
    const stream = await client().completions.create({ ...question, stream: true });
    expect(await errorOf(all(stream))).toMatchObject({ message: 'Too much', code: 'overloaded', type: 'server_error' });
  });

  it('is the stored one in the ai SDK', async () => {
    serve(completionsFormat, { ...completion, choices: completion.choices.slice(0, 1) });
    const model = ai().completion('gpt-3.5-turbo-instruct');
    const whole = await generateText({ model, prompt: 'Count' });
    const streamed = streamText({ model, prompt: 'Count' });
    expect(await streamed.text).toBe(whole.text);
    expect(await streamed.content).toEqual(whole.content);
    expect(await streamed.usage).toEqual(whole.usage);
    expect(await streamed.finishReason).toBe(whole.finishReason);
    expect((await streamed.response).id).toBe('cmpl-1');
  });
});
