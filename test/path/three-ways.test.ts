import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compositions } from '../harness/compositions.ts';
import type { RunningGateway } from '../harness/gateway.ts';

describe.each(compositions)('one call, three ways: $name', ({ start }) => {
  let gateway: RunningGateway;
  beforeAll(async () => {
    gateway = await start();
  });
  afterAll(() => gateway.stop());

  const call = (headers: Record<string, string> = {}, extra: object = {}) =>
    fetch(`${gateway.url}/gateway/demo/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ model: 'demo-echo', messages: [{ role: 'user', content: 'Hello' }], ...extra }),
    });

  it('sync: the provider answer', async () => {
    const response = await call();
    expect(response.status).toBe(200);
    expect(response.headers.get('x-processing-mode')).toBe('edge');
    const completion = await response.json();
    expect(completion.choices[0].message.content).toContain('Hello');
  });

  it('as a job: 202, polled to its end, its result read', async () => {
    const response = await call({ prefer: 'respond-async' });
    expect(response.status).toBe(202);
    const submitted = await response.json();
    const job = await (await fetch(`${gateway.url}/api/jobs/${submitted.id}?wait=10`)).json();
    expect(job).toMatchObject({ id: submitted.id, status: 'completed', attempts: 1, response: { status: 200 } });
    const result = await (await fetch(job.urls.result)).json();
    expect(result.choices[0].message.content).toContain('Hello');
  });
});
