import { QstashError, QstashRatelimitError } from '@upstash/qstash';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Bench, startBench } from './qstash/bench.ts';

describe('publishing to the QStash stand-in with @upstash/qstash', () => {
  let bench: Bench;
  beforeEach(async () => {
    bench = await startBench();
    // The SDK prints every refusal, besides throwing it.
    for (const level of ['error', 'warn'] as const) vi.spyOn(console, level).mockReturnValue();
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await bench.stop();
  });

  const api = (method: string, path: string, headers: Record<string, string> = {}, body?: string) =>
    fetch(bench.qstash.url + path, {
      method,
      headers: { authorization: `Bearer ${bench.qstash.token}`, ...headers },
      ...(body === undefined ? {} : { body }),
    });

  it('delivers what was published, signed', async () => {
    const { client, qstash } = bench;
    const { messageId } = await client.publishJSON({
      url: bench.at('/worker'),
      body: { job: 'ä€' },
      headers: { 'x-own': 'mine', authorization: 'Bearer caller' },
      label: ['one', 'two'],
    });
    await qstash.idle();
    const [asked] = bench.received();
    if (asked === undefined) throw new Error('nothing was delivered');
    expect(asked.body.toString()).toBe('{"job":"ä€"}');
    expect(asked.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'Upstash-QStash',
      'upstash-message-id': messageId,
      'upstash-retried': '0',
      'x-own': 'mine',
      authorization: 'Bearer caller',
    });
    expect(asked.headers['upstash-label']).toBeUndefined();
    expect(await bench.verify(asked)).toBe(true);
    await expect(bench.verify({ ...asked, target: '/other' })).rejects.toThrow(/invalid subject/);
    await expect(bench.verify({ ...asked, body: Buffer.from('{}') })).rejects.toThrow(/body hash/);
    expect(qstash.messages.map(({ id, labels }) => [id, labels])).toEqual([[messageId, ['one', 'two']]]);
    expect(qstash.deliveries.map((delivery) => [delivery.messageId, delivery.status])).toEqual([[messageId, 200]]);
  });

  it('calls and signs the URL as it was written', async () => {
    const url = bench.at('/a%20b/%2F');
    await bench.client.publish({ url: `${url}?x=1&y=a%2Bb//c`, body: 'text' });
    await bench.qstash.idle();
    const [asked] = bench.received();
    expect(asked?.target).toBe('/a%20b/%2F?x=1&y=a%2Bb//c');
    if (asked !== undefined) expect(await bench.verify(asked)).toBe(true);
  });

  it('keeps bytes and methods', async () => {
    const bytes = new Uint8Array([0, 255, 128, 10, 13]);
    await bench.client.publish({ url: bench.at('/bytes'), body: new Blob([bytes]), method: 'PUT' });
    await bench.client.publish({ url: bench.at('/get'), method: 'GET' });
    await bench.qstash.idle();
    expect(bench.received('/bytes').map(({ method, body }) => [method, Array.from(body)])).toEqual([
      ['PUT', Array.from(bytes)],
    ]);
    expect(bench.received('/get').map(({ method, body }) => [method, body.length])).toEqual([['GET', 0]]);
  });

  it('takes a batch, each message with its own settings', async () => {
    const url = bench.at('/worker');
    const published = await bench.client.batchJSON([
      { url, body: 1, deduplicationId: 'same' },
      { url, body: 2, deduplicationId: 'same' },
      { url, body: 3, delay: 20, headers: { 'x-own': 'three' }, queueName: 'q' },
    ]);
    expect(published).toHaveLength(3);
    expect(published[1]).toEqual({ ...published[0], deduplicated: true });
    await bench.qstash.idle();
    expect(bench.bodies()).toEqual(['1', '3']);
    expect(bench.received()[1]?.headers['x-own']).toBe('three');
    expect((await api('POST', '/v2/batch', {}, '{}')).status).toBe(400);
    expect((await api('POST', '/v2/batch', {}, JSON.stringify([{ destination: url }, { body: 'x' }]))).status).toBe(
      400,
    );
    expect(bench.qstash.messages).toHaveLength(2);
  });

  it('delivers a queue in order, each message with its retries before the next', async () => {
    const queue = bench.client.queue({ queueName: 'jobs' });
    const url = bench.at('/worker', { status: 500 }, { status: 500 }, {});
    for (const body of ['a', 'b', 'c']) await queue.enqueue({ url, body });
    await bench.qstash.idle();
    expect(bench.bodies()).toEqual(['a', 'a', 'a', 'b', 'c']);
  });

  it('keeps one message of a deduplication id, until it is forgotten', async () => {
    const publish = (deduplicationId: string) =>
      api('POST', `/v2/publish/${url}`, { 'upstash-deduplication-id': deduplicationId });
    const url = bench.at('/worker');
    const answers = [await publish('1'), await publish('1'), await publish('2')];
    expect(answers.map(({ status }) => status)).toEqual([201, 202, 201]);
    const [first, second] = [await answers[0]?.json(), await answers[1]?.json()];
    expect(second).toEqual({ ...first, deduplicated: true });
    await bench.qstash.idle();
    expect((await publish('1')).status).toBe(202);
    bench.qstash.forgetDuplicates();
    expect((await publish('1')).status).toBe(201);

    const content = { url, contentBasedDeduplication: true };
    const { messageId } = await bench.client.publishJSON({ ...content, body: 1 });
    expect(await bench.client.publishJSON({ ...content, body: 1 })).toEqual({ messageId, deduplicated: true });
    expect((await bench.client.publishJSON({ ...content, body: 2 })).deduplicated).toBeUndefined();
  });

  it.each<[string, Record<string, string>]>([
    ['worker.example', {}],
    ['ftp://worker.example', {}],
    ['http%3A%2F%2F127.0.0.1', {}],
    ['http://127.0.0.1', { 'upstash-delay': '5' }],
    ['http://127.0.0.1', { 'upstash-retries': 'many' }],
    ['http://127.0.0.1', { 'upstash-retry-delay': 'process.exit()' }],
    ['http://127.0.0.1', { 'upstash-method': 'TRACE' }],
    ['http://127.0.0.1', { 'upstash-flow-control-key': 'k', 'upstash-flow-control-value': 'parallelism=0' }],
    ['http://127.0.0.1', { 'upstash-callback': 'nowhere' }],
  ])('refuses %s with %o', async (destination, headers) => {
    const answer = await api('POST', `/v2/publish/${destination}`, headers, 'x');
    expect([answer.status, await answer.json()]).toEqual([400, { error: expect.any(String) }]);
    expect(bench.qstash.messages).toEqual([]);
  });

  it('refuses who has not the token, what is too large, what it does not know', async () => {
    expect((await api('POST', `/v2/publish/${bench.at('/x')}`, { authorization: 'Bearer no' })).status).toBe(401);
    expect((await api('POST', `/v2/publish/${bench.at('/x')}`, {}, 'x'.repeat(1024 * 1024 + 1))).status).toBe(400);
    expect((await api('GET', '/v2/nothing')).status).toBe(404);
  });

  it('answers a publish with 429 and 500 on demand, which the SDK does not retry', async () => {
    const publish = () => bench.client.publish({ url: bench.at('/worker'), body: 'a' });
    bench.qstash.faults.publish.next({ status: 429 }, { times: 2 });
    bench.qstash.faults.publish.next({ status: 500 });
    await expect(publish()).rejects.toBeInstanceOf(QstashRatelimitError);
    await expect(publish()).rejects.toBeInstanceOf(QstashRatelimitError);
    await expect(publish()).rejects.toBeInstanceOf(QstashError);
    await publish();
    await bench.qstash.idle();
    expect(bench.received()).toHaveLength(1);
  });

  it('loses the answer to a publish: the SDK sends it again, which only an id makes harmless', async () => {
    const url = bench.at('/worker');
    bench.qstash.faults.publish.next({ cut: 'after' });
    await bench.client.publish({ url, body: 'twice' });
    bench.qstash.faults.publish.next({ cut: 'after' });
    expect((await bench.client.publish({ url, body: 'once', deduplicationId: 'id' })).deduplicated).toBe(true);
    bench.qstash.faults.publish.next({ cut: 'before' });
    await bench.client.publish({ url, body: 'also once' });
    await bench.qstash.idle();
    expect(bench.bodies().toSorted()).toEqual(['also once', 'once', 'twice', 'twice']);
  });
});
