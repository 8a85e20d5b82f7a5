import OpenAI from 'openai';
import type { ChatCompletion, ChatCompletionChunk } from 'openai/resources/chat/completions';
import { Stream } from 'openai/streaming';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type JobView, jobIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import type { RunningGateway } from '../harness/gateway.ts';

const messages = [{ role: 'user' as const, content: 'Hello 👋 from the official client' }];
const ask = { model: 'demo-echo', messages };
const tools = [
  {
    type: 'function' as const,
    function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
  },
];

async function collected(stream: AsyncIterable<ChatCompletionChunk>): Promise<ChatCompletionChunk[]> {
  const chunks: ChatCompletionChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

/** Names and arguments of the tool calls; their ids are each call's own. */
function callsOf({ choices }: ChatCompletion): unknown[] {
  return (choices[0]?.message.tool_calls ?? []).map((call) => (call.type === 'function' ? call.function : call));
}

describe.each(compositions)('the official openai client: $name', ({ start }) => {
  let gateway: RunningGateway;
  beforeAll(async () => {
    gateway = await start({ env: { CHUNK_DELAY_MS: '0', ENABLE_RETRY: 'false', HEARTBEAT_INTERVAL_MS: '20' } });
  });
  afterAll(() => gateway.stop());

  const client = (headers: Record<string, string> = {}, maxRetries = 0) =>
    new OpenAI({
      apiKey: 'sk-sdk-caller',
      baseURL: `${gateway.url}/gateway/demo/v1`,
      maxRetries,
      defaultHeaders: { 'x-demo-token-delay-ms': '0', ...headers },
    });

  /** The call as a job, ended. */
  async function job(body: object, headers: Record<string, string> = {}): Promise<JobView> {
    const prefer = { prefer: 'respond-async', ...headers };
    const submitted = await client().post<JobView>('/chat/completions', { body, headers: prefer });
    expect(submitted).toMatchObject({ object: 'job', status: 'queued' });
    const ended = await client().get(`${submitted.urls.get}?wait=30`).asResponse();
    return jobIn(ended);
  }

  /** What the client makes of a job's `/stream`. */
  async function replayed(url: string, headers: Record<string, string> = {}): Promise<ChatCompletionChunk[]> {
    const response = await client().get(url, { headers }).asResponse();
    return collected(Stream.fromSSEResponse<ChatCompletionChunk>(response, new AbortController()));
  }

  const textOf = (chunks: readonly ChatCompletionChunk[]) =>
    chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');

  it('create: a completion, with its request id and the model list beside it', async () => {
    const completion = await client().chat.completions.create(ask);
    expect(completion.choices[0]?.message.content).toContain('Hello 👋 from the official client');
    expect(completion._request_id).toMatch(/^req_/);
    expect((await client().models.list()).data.length).toBeGreaterThan(0);
  });

  it('a stream, and the .stream() helper', async () => {
    const stream = await client().chat.completions.create({ ...ask, stream: true });
    expect(textOf(await collected(stream))).toContain('Hello 👋');
    const helper = client().chat.completions.stream({ ...ask, stream_options: { include_usage: true } });
    const final = await helper.finalChatCompletion();
    expect(final.choices[0]?.message.content).toContain('Hello 👋');
    expect(final.usage?.total_tokens).toBeGreaterThan(0);
  });

  it.each([
    ['text', ask],
    ['tool calls', { ...ask, model: 'demo-tools', tools }],
  ])('a fake stream of %s spells what the whole answer says', async (_, body) => {
    const fake = client({ 'x-gateway-stream': 'replay', 'x-demo-delay-ms': '100' });
    const helper = fake.chat.completions.stream({ ...body, stream_options: { include_usage: true } });
    const final = await helper.finalChatCompletion();
    const whole = await client().chat.completions.create(body);
    expect(final.choices[0]?.message.content).toBe(whole.choices[0]?.message.content);
    expect(final.choices[0]?.finish_reason).toBe(whole.choices[0]?.finish_reason);
    expect(final.usage).toEqual(whole.usage);
    expect(callsOf(final)).toEqual(callsOf(whole));
  });

  it('a job by Prefer: respond-async: polled, its result read, its stream replayed', async () => {
    const ended = await job(ask);
    expect(ended).toMatchObject({
      status: 'completed',
      model: 'demo-echo',
      usage: { total_tokens: expect.any(Number) },
    });
    const result = await client().get<ChatCompletion>(ended.urls.result);
    const chunks = await replayed(ended.urls.stream);
    expect(textOf(chunks)).toBe(result.choices[0]?.message.content);
    expect(chunks.at(-1)?.usage).toEqual(result.usage);
    expect(new Set(chunks.map((chunk) => chunk.id))).toEqual(new Set([result.id]));
  });

  it('a streamed job: the stream is the provider one, and goes on after an event', async () => {
    const ended = await job({ ...ask, stream: true });
    const chunks = await replayed(ended.urls.stream);
    expect(textOf(chunks)).toContain('Hello 👋');
    expect(await replayed(`${ended.urls.stream}?starting_after=2`)).toEqual(chunks.slice(3));
    expect(await replayed(`${ended.urls.stream}?event_ids=true`)).toEqual(chunks);
  });

  it('a stream with heartbeats before the job has run', async () => {
    const headers = { prefer: 'respond-async', 'x-demo-delay-ms': '300' };
    const submitted = await client().post<JobView>('/chat/completions', { body: ask, headers });
    expect(textOf(await replayed(submitted.urls.stream))).toContain('Hello 👋');
  });

  it('within a wait the job is the completion itself', async () => {
    const { data, response } = await client({ prefer: 'respond-async, wait=30' })
      .chat.completions.create(ask)
      .withResponse();
    expect(data.choices[0]?.message.content).toContain('Hello');
    expect(response.headers.get('x-job-id')).toMatch(/^job_/);
    const stream = await client({ prefer: 'respond-async, wait=30' }).chat.completions.create({ ...ask, stream: true });
    expect(textOf(await collected(stream))).toContain('Hello');
  });

  it('Idempotency-Key: the same completion for both forms, one call', async () => {
    const options = { headers: { 'Idempotency-Key': 'sdk-key' } };
    const first = await client().chat.completions.create(ask, options);
    const { data, response } = await client().chat.completions.create(ask, options).withResponse();
    expect(data.id).toBe(first.id);
    expect(response.headers.get('idempotent-replayed')).toBe('true');
    const chunks = await collected(await client().chat.completions.create({ ...ask, stream: true }, options));
    expect(textOf(chunks)).toBe(first.choices[0]?.message.content);
    expect(chunks[0]?.id).toBe(first.id);
  });

  it('a failed job: its stream raises the error that the call would have', async () => {
    const ended = await job({ model: 'demo-echo', messages: [], stream: true });
    expect(ended.status).toBe('failed');
    await expect(replayed(ended.urls.stream)).rejects.toThrow("'messages' must be a list");
    await expect(client().get(ended.urls.result)).rejects.toThrow(OpenAI.BadRequestError);
  });

  const failures: [string, new (...args: never) => Error, () => Promise<unknown>][] = [
    ['429', OpenAI.RateLimitError, () => client({ 'x-demo-fail': '429' }).chat.completions.create(ask)],
    ['500', OpenAI.InternalServerError, () => client({ 'x-demo-fail': '500' }).chat.completions.create(ask)],
    ['502', OpenAI.InternalServerError, () => client({ 'x-demo-fail': 'reset' }).chat.completions.create(ask)],
    ['400', OpenAI.BadRequestError, () => client().chat.completions.create({ model: 'demo-echo', messages: [] })],
    ['404', OpenAI.NotFoundError, () => client().get(`${gateway.url}/api/jobs/job_000000000000000000000000`)],
    ['422', OpenAI.UnprocessableEntityError, () => conflict()],
    ['409', OpenAI.ConflictError, () => early()],
  ];
  it.each(failures)('%s is the error class that it stands for', async (status, kind, fails) => {
    const error = await fails().then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ status: Number(status), requestID: expect.stringMatching(/^req_/) });
  });

  async function conflict() {
    const options = { headers: { 'Idempotency-Key': 'sdk-conflict' } };
    await client().chat.completions.create(ask, options);
    return client().chat.completions.create({ ...ask, model: 'other' }, options);
  }

  async function early() {
    const body = { service: 'demo', path: '/v1/models', method: 'GET', delay_s: 600 };
    const submitted = await client().post<JobView>(`${gateway.url}/api/jobs`, { body });
    return client().get(submitted.urls.result);
  }
});

describe.each(compositions)("the official client's own retries: $name", ({ start }) => {
  it('after a hold that ended find the answer of the first call', async () => {
    const gateway = await start({ env: { BACKGROUND_TIMEOUT: '200' } });
    try {
      const client = new OpenAI({
        apiKey: 'sk-sdk-caller',
        baseURL: `${gateway.url}/gateway/demo/v1`,
        maxRetries: 5,
        defaultHeaders: { 'x-demo-delay-ms': '700', 'Idempotency-Key': 'held' },
      });
      const { data, response } = await client.chat.completions.create(ask).withResponse();
      expect(data.choices[0]?.message.content).toContain('Hello');
      expect(response.headers.get('idempotent-replayed')).toBe('true');
      const list = await client.get<{ data: JobView[] }>(`${gateway.url}/api/jobs`);
      expect(list.data).toMatchObject([{ status: 'completed', attempts: 1 }]);
    } finally {
      await gateway.stop();
    }
  });
});
