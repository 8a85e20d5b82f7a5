import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GatewayProcess, startProcess } from '../harness/child.ts';

describe('npm start, driven by the official openai client', () => {
  let gateway: GatewayProcess;
  let dataDir: string;
  let client: OpenAI;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'npm-start-'));
    gateway = await startProcess({ DATA_DIR: dataDir }, 'npm');
    client = new OpenAI({ apiKey: 'sk-test', baseURL: `${gateway.url}/gateway/demo/v1`, maxRetries: 0 });
  });
  afterAll(async () => {
    await gateway.end('SIGTERM');
    await rm(dataDir, { recursive: true });
  });

  const request = { model: 'demo-echo', messages: [{ role: 'user' as const, content: 'What is a gateway?' }] };

  it('prints where it is and what to try', () => {
    expect(gateway.output()).toContain(`The gateway is up on ${gateway.url}`);
    expect(gateway.output()).toContain('Prefer: respond-async');
  });

  it('answers a call', async () => {
    const completion = await client.chat.completions.create(request);
    expect(completion.choices[0]?.message.content).toContain('What is a gateway?');
  });

  it('streams a call', async () => {
    const pieces: string[] = [];
    for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
      pieces.push(chunk.choices[0]?.delta.content ?? '');
    }
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.join('')).toContain('What is a gateway?');
  });

  it('runs a call as a job and replays it as the stream that the client reads', async () => {
    const headers = { Prefer: 'respond-async' };
    const accepted = await client.chat.completions.create(request, { headers }).asResponse();
    expect(accepted.status).toBe(202);
    const { id } = await accepted.json();
    const own = { headers: { authorization: 'Bearer sk-test' } };
    const job = await (await fetch(`${gateway.url}/api/jobs/${id}?wait=20`, own)).json();
    expect(job).toMatchObject({ status: 'completed', attempts: 1 });

    const stored = await (await fetch(`${gateway.url}/api/jobs/${id}/result`, own)).json();
    const replay = new OpenAI({
      apiKey: 'sk-test',
      baseURL: gateway.url,
      fetch: () =>
        fetch(`${gateway.url}/api/jobs/${id}/stream`, { headers: { ...own.headers, 'x-replay-speed': 'instant' } }),
    });
    const stream = ChatCompletionStream.createChatCompletion(replay, { ...request, stream: true });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]?.message.content).toBe(stored.choices[0].message.content);
    expect(final.usage).toEqual(stored.usage);
  });

  it('waits for a short job and gives the provider’s answer', async () => {
    const { data, response } = await client.chat.completions
      .create(request, { headers: { Prefer: 'respond-async, wait=20' } })
      .withResponse();
    expect(response.status).toBe(200);
    expect(response.headers.get('x-job-id')).toMatch(/^job_/);
    expect(data.choices[0]?.message.content).toContain('What is a gateway?');
  });
});
