import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { parseJsonObject } from '../../lib/json.ts';
import { type Bench, startBench } from './qstash/bench.ts';
import type { QStashOptions } from './qstash.ts';

/** Answers nobody before `count` are inside, and then all; tells how many were inside at most. */
function crowd(count: number) {
  let inside = 0;
  let most = 0;
  const { promise: full, resolve } = Promise.withResolvers<void>();
  return {
    most: () => most,
    async enter() {
      inside += 1;
      most = Math.max(most, inside);
      if (inside >= count) resolve();
      await full;
      // Long enough for one too many to come in.
      for (let turns = 0; turns < 100; turns++) await turn();
      inside -= 1;
      return { status: 200, body: {} };
    },
  };
}

describe('deliveries of the QStash stand-in', () => {
  let bench: Bench | undefined;
  const start = async (options?: QStashOptions) => {
    bench = await startBench(options);
    return bench;
  };
  afterEach(() => bench?.stop());

  it('come in the order of their delays', async () => {
    const { client, qstash, at, bodies } = await start();
    const url = at('/worker');
    await client.publish({ url, body: 'third', notBefore: Math.floor(Date.now() / 1000) + 600 });
    await client.publish({ url, body: 'second', delay: '5m' });
    await client.publish({ url, body: 'first' });
    await qstash.idle();
    expect(bodies()).toEqual(['first', 'second', 'third']);
  });

  it('are repeated by the rule: own delays, else long ones, and what the answer asks for before both', async () => {
    const { client, qstash, at, received } = await start({ speed: 20 });
    const refused = (headers: Record<string, string> = {}) => [{ status: 503, headers }, { status: 200 }];
    await client.batch([
      { url: at('/default', ...refused()) },
      { url: at('/own', ...refused()), retryDelay: '2000 * (1 + retried)' },
      { url: at('/asked', ...refused({ 'retry-after': '30' })), retryDelay: '1' },
      { url: at('/at-once', ...refused({ 'retry-after': '0' })) },
    ]);
    await qstash.idle();
    const again = received().filter(({ headers }) => headers['upstash-retried'] === '1');
    expect(again.map(({ path }) => path)).toEqual(['/at-once', '/own', '/default', '/asked']);
  });

  it('keep their message id and body through retries, and are signed anew', async () => {
    const { client, qstash, at, received, verify } = await start();
    const url = at('/worker', { status: 500 }, async () => 'cut', { status: 302, headers: { location: '/' } }, {});
    const { messageId } = await client.publish({ url, body: 'a', retryDelay: '1' });
    await qstash.idle();
    const all = received();
    expect(all.map(({ headers }) => headers['upstash-retried'])).toEqual(['0', '1', '2', '3']);
    expect(new Set(all.map(({ headers }) => headers['upstash-message-id']))).toEqual(new Set([messageId]));
    expect(new Set(all.map(({ headers }) => headers['upstash-signature'])).size).toBe(4);
    for (const asked of all) expect(await verify(asked)).toBe(true);
    expect(qstash.deliveries.map(({ status }) => status)).toEqual([500, 0, 302, 200]);
    expect(qstash.deadLetters()).toEqual([]);
  });

  it('end in the DLQ after the last retry, from where they go out under a new id', async () => {
    const { client, qstash, at, bodies } = await start();
    const url = at('/worker', { status: 500 }, { status: 500 }, { status: 404, body: 'gone' }, {});
    const { messageId } = await client.publish({ url, body: 'a', retries: 2, deduplicationId: 'id', delay: '1m' });
    await qstash.idle();
    const { messages } = await client.dlq.listMessages();
    expect(messages).toMatchObject([{ messageId, url, body: 'a', responseStatus: 404, responseBody: '"gone"' }]);
    const dlqId = messages[0]?.dlqId ?? '';
    const { responses } = await client.dlq.retry(dlqId);
    expect(responses).toHaveLength(1);
    expect(responses[0]?.messageId).not.toBe(messageId);
    await qstash.idle();
    expect(bodies()).toEqual(['a', 'a', 'a', 'a']);
    expect((await client.dlq.listMessages()).messages).toEqual([]);
    await expect(client.dlq.retry(dlqId)).rejects.toMatchObject({ status: 404 });
  });

  it('end in the DLQ at once with 489 and its header, and not without it', async () => {
    const { client, qstash, at, received } = await start();
    const final = { status: 489, headers: { 'upstash-nonretryable-error': 'true' } };
    await client.publish({ url: at('/final', final), retries: 5 });
    await client.publish({ url: at('/mere', { status: 489 }), retries: 1 });
    await qstash.idle();
    expect([received('/final').length, received('/mere').length]).toEqual([1, 2]);
    const { messages } = await client.dlq.listMessages({ filter: { responseStatus: 489 } });
    expect(messages).toHaveLength(2);
    expect(await client.dlq.delete({ dlqIds: messages.map(({ dlqId }) => dlqId) })).toMatchObject({ deleted: 2 });
    expect(qstash.deadLetters()).toEqual([]);
  });

  it('are told to the callback each time, and to the failure callback in the end', async () => {
    const { client, qstash, at, received, verify } = await start();
    const { messageId } = await client.publish({
      url: at('/worker', { status: 500, body: 'first' }, { status: 503, body: 'ü', headers: { 'x-why': 'busy' } }),
      body: 'a',
      retries: 1,
      callback: at('/callback', { status: 500 }, {}),
      failureCallback: at('/failure'),
      headers: { 'Upstash-Callback-Retries': '1', 'Upstash-Failure-Callback-Forward-X-Own': 'mine' },
    });
    await qstash.idle();
    const told = received('/callback').map(({ body }) => parseJsonObject(body));
    // The first of them was refused once.
    expect(told.map((body) => body?.['status']).toSorted()).toEqual([500, 500, 503]);
    const [failure] = received('/failure');
    if (failure === undefined) throw new Error('no failure callback');
    const [letter] = qstash.deadLetters();
    expect(parseJsonObject(failure.body)).toMatchObject({
      status: 503,
      header: { 'x-why': ['busy'] },
      body: Buffer.from('"ü"').toString('base64'),
      retried: 1,
      maxRetries: 1,
      dlqId: letter?.dlqId,
      sourceMessageId: messageId,
      sourceBody: Buffer.from('a').toString('base64'),
      url: letter?.message.url,
      method: 'POST',
    });
    expect(failure.headers['x-own']).toBe('mine');
    expect(await verify(failure)).toBe(true);
    expect(received('/failure')).toHaveLength(1);
    expect(qstash.messages).toHaveLength(4);
  });

  it('tell a callback no more of the answer than fits', async () => {
    const { client, qstash, at, received } = await start({ maxCallbackBytes: 10 });
    await client.publish({ url: at('/worker', { body: 'x'.repeat(100) }), callback: at('/callback') });
    await qstash.idle();
    const [body] = received('/callback').map((asked) => parseJsonObject(asked.body));
    expect(Buffer.from(String(body?.['body']), 'base64')).toHaveLength(10);
  });

  it('are given up after the timeout, and repeated', async () => {
    const { client, qstash, at, received } = await start({ maxTimeoutMs: 50 });
    const never = ({ stopped }: { stopped: AbortSignal }) =>
      new Promise<'cut'>((resolve) => stopped.addEventListener('abort', () => resolve('cut')));
    await client.publish({ url: at('/worker', never, {}), timeout: '1h' });
    await qstash.idle();
    expect(received()).toHaveLength(2);
    expect(qstash.deliveries.map(({ status }) => status)).toEqual([0, 200]);
  });

  it('are not repeated when the message is cancelled during one', async () => {
    const { client, qstash, at, received } = await start();
    const url = at('/worker', async ({ headers }) => {
      await client.messages.cancel(String(headers['upstash-message-id']));
      return { status: 500, body: {} };
    });
    await client.publish({ url, failureCallback: at('/failure') });
    await qstash.idle();
    expect(received()).toHaveLength(1);
    expect(qstash.deadLetters()).toEqual([]);
    expect(qstash.events.at(-1)?.state).toBe('CANCELLED');
  });

  it('keep to the parallelism of their flow-control key, and to nothing without one', async () => {
    const { client, qstash, at } = await start();
    const flowControl = { key: 'k', parallelism: 3 };
    const limited = crowd(3);
    const free = crowd(4);
    await client.batch([
      ...Array.from({ length: 12 }, () => ({ url: at('/limited', limited.enter), flowControl })),
      ...Array.from({ length: 12 }, () => ({ url: at('/free', free.enter) })),
    ]);
    await qstash.idle();
    expect(limited.most()).toBe(3);
    expect(free.most()).toBeGreaterThan(3);
  });

  it('keep to the rate of their flow-control key until its period is over', async () => {
    const { client, qstash, at, received } = await start({ speed: 200 });
    const six = (url: string, period: '1h' | '1m') =>
      Array.from({ length: 6 }, () => ({ url, flowControl: { key: period, rate: 2, period } }));
    await client.batch([...six(at('/hour'), '1h'), ...six(at('/minute'), '1m')]);
    await vi.waitFor(() => expect(received('/minute')).toHaveLength(6), { timeout: 10_000, interval: 10 });
    expect(received('/hour')).toHaveLength(2);
    expect(qstash.pending().filter(({ flowControl }) => flowControl?.key === '1h')).toHaveLength(4);
  });

  it('go where the URL is really to be found, under the name that was published', async () => {
    const started = await start({ route: (url) => url.replace('https://gateway.example', real) });
    const real = started.at('');
    started.at('/worker');
    await started.client.publish({ url: 'https://gateway.example/worker?x=1', body: 'a' });
    await started.qstash.idle();
    expect(started.received().map(({ target }) => target)).toEqual(['/worker?x=1']);
    expect(started.qstash.deliveries[0]?.url).toBe('https://gateway.example/worker?x=1');
  });

  it('end with the stand-in, whatever they wait for', async () => {
    const started = await start({ speed: 1 });
    const { client, qstash, at } = started;
    const hanging = at(
      '/hanging',
      ({ stopped }) => new Promise((resolve) => stopped.addEventListener('abort', () => resolve('cut'))),
    );
    const flowControl = { key: 'k', rate: 1, parallelism: 1, period: '1h' } as const;
    qstash.faults.delivery.next({ delayMs: 3_600_000 }, { when: ({ message }) => message.url.endsWith('/delayed') });
    qstash.faults.delivery.next({ behind: 100 }, { when: ({ message }) => message.url.endsWith('/behind') });
    await client.batch([
      { url: at('/later'), delay: '1h' },
      { url: at('/much-later'), notBefore: Math.floor(Date.now() / 1000) + 90 * 86_400 },
      { url: at('/refused', { status: 500 }) },
      { url: hanging, flowControl },
      { url: hanging, flowControl },
      { url: hanging, queueName: 'q' },
      { url: hanging, queueName: 'q' },
      { url: at('/delayed') },
      { url: at('/behind') },
    ]);
    await vi.waitFor(() => expect(started.received().length).toBe(3));
    expect(qstash.pending()).toHaveLength(9);
    await qstash.stop();
    expect(qstash.pending()).toEqual([]);
    expect(started.received()).toHaveLength(3);
  });
});
