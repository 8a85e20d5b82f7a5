import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fakeStream } from '../../lib/gateway/fake-stream.ts';
import type { ReplayEvent, StreamFormat } from '../../lib/replay/format.ts';
import { type RunningGateway, startGateway } from '../harness/gateway.ts';
import { startThrough, type Through, until } from '../harness/through.ts';
import { open } from '../harness/wire.ts';
import { callOf } from './calls.ts';
import { ASK, CHAT, COMPLETION } from './fake-stream.fixtures.ts';

describe('the reader of a replay', () => {
  let through: Through;
  let closed = 0;
  beforeAll(async () => {
    through = await startThrough(
      (_request, response) => {
        response.on('close', () => {
          closed += response.writableFinished ? 0 : 1;
        });
      },
      // So rare that only the leaving itself can end the call.
      { env: { HEARTBEAT_INTERVAL_MS: '3600000' } },
    );
  });
  afterAll(() => through.stop());

  it('ends the provider’s work by leaving, at once', async () => {
    const { request, head } = open(through.gateway.url, CHAT, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(ASK),
    });
    const message = await head;
    message.on('error', () => undefined);
    await new Promise((resolve) => message.once('data', resolve));
    await until(() => through.upstream.received.length === 1, 'the call at the provider');
    request.destroy();
    await until(() => closed === 1, 'the abort at the provider');
  });
});

describe('a replay', () => {
  let gateway: RunningGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.stop());

  const format = (events: number): StreamFormat => ({
    name: 'test',
    replay: () => Array.from({ length: events }, (_, n): ReplayEvent => ({ data: String(n) })),
    collect: () => null,
    streamOptions: null,
    isWhole: () => true,
    error: ({ code }) => ({ data: String(code) }),
    heartbeat: ': beat\n\n',
    takesIds: true,
    ofText: () => ({}),
  });
  const answering = async () => ({
    status: 200,
    headers: new Headers(),
    body: new Response(JSON.stringify(COMPLETION)).body,
  });

  it('makes no frame before there is a reader to take it, and stops with it', async () => {
    let calls = 0;
    const upstream = async () => {
      calls++;
      return answering();
    };
    const context = { config: gateway.config, upstream };
    const reader = fakeStream(context, callOf(gateway.config, ASK), format(1_000_000), 0).body?.getReader();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(calls).toBe(0);
    const decoder = new TextDecoder();
    const next = async () => decoder.decode((await reader?.read())?.value);
    expect(await next()).toBe(': beat\n\n');
    expect(await next()).toBe('data: 0\n\n');
    expect(await next()).toBe('data: 1\n\n');
    await reader?.cancel();
    expect((await reader?.read())?.done).toBe(true);
    expect(calls).toBe(1);
  });

  it('in a format without a safe heartbeat is silent until the answer, and its reader is missed all the same', async () => {
    let aborted = false;
    const upstream = ({ signal }: { signal: AbortSignal }) =>
      new Promise<never>((_resolve, reject) =>
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(signal.reason);
        }),
      );
    const context = { config: gateway.config, upstream };
    const silent = { ...format(1), heartbeat: null };
    const reader = fakeStream(context, callOf(gateway.config, ASK), silent, 0).body?.getReader();
    void reader?.read();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await reader?.cancel();
    expect(aborted).toBe(true);
  });
});
