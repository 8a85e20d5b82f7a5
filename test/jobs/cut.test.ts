import { afterEach, beforeEach, expect, it } from 'vitest';
import { sealResult } from '../../lib/jobs/chunks.ts';
import { jobStream } from '../../lib/jobs/stream.ts';
import { submit } from '../../lib/jobs/submit.ts';
import { chatFormat } from '../../lib/replay/chat.ts';
import { REPLAY_VERSION } from '../../lib/replay/version.ts';
import { completion } from '../harness/answers.ts';
import { submission, type TestContext, testContext } from './context.ts';

let context: TestContext;
beforeEach(() => {
  context = testContext();
});
afterEach(() => context.close());

async function ended() {
  const { job } = await submit(context, submission(context, '{}'));
  const claimed = await context.store.claim(job.id, 60_000);
  if (claimed.kind !== 'claimed') throw new Error('it is not held by anybody');
  const bytes = new TextEncoder().encode(JSON.stringify(completion('Some words, and one more sentence.')));
  const result = { attempt: 1, chunks: 1, size: bytes.byteLength, events: null, status: 200, contentEncoding: null };
  const outcome = { kind: 'completed' as const, usage: null, result: { ...result, contentType: 'application/json' } };
  const last = { eventsBefore: 0, bytes: await sealResult(context.secrets, job.id, 1, 0, bytes) };
  const settled = await context.store.settle(job.id, 1, outcome, last);
  if (settled.kind !== 'settled') throw new Error('it is still ours');
  return settled.job;
}

const options = {
  ...{ format: chatFormat, attempt: null, ids: false, asArray: false, delayMs: 0, includeUsage: true },
  ...{ signal: new AbortController().signal, endsIn: Number.POSITIVE_INFINITY },
};

it('a number of an event that other rules have cut is refused; from its start the stream is read as ever', async () => {
  const job = await ended();
  const read = async (version: number, cursor: number) => {
    const cut = { ...job, cut: { ...job.cut, version } };
    const frames: string[] = [];
    for await (const frame of jobStream(context, cut, { ...options, cursor })) frames.push(frame);
    return frames;
  };
  const whole = await read(REPLAY_VERSION, -1);
  expect(whole.length).toBeGreaterThan(4);
  expect(await read(REPLAY_VERSION, 1)).toEqual(whole.slice(2));
  expect(await read(REPLAY_VERSION - 1, -1)).toEqual(whole);
  expect(await read(REPLAY_VERSION - 1, 1)).toEqual([expect.stringContaining('"code":"stream_restarted"')]);
});
