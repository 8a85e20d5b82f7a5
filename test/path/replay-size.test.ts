import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatChunk, completion, DONE, failing, json, streaming } from '../harness/answers.ts';
import { type Caller, errorIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { dataOf, eventsIn } from '../harness/events.ts';
import { type Stand, startStand } from '../harness/stand.ts';

const MAX = 2_000;
/** Of an error's body that is looked into. */
const MAX_ERROR = 65_536;

const chat = (name: string) => `/${name}/v1/chat/completions`;

describe.each(compositions)('the longest answer that is replayed: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { env: { MAX_REPLAY_SIZE: String(MAX), CHUNK_DELAY_MS: '0' } });
    caller = stand.caller('sk-replay-size');
  });
  afterAll(() => stand.stop());

  /** A completion whose JSON has this many bytes. */
  const completionOf = (size: number) => {
    const rest = JSON.stringify(completion('')).length;
    return completion('x'.repeat(size - rest));
  };
  const keyed = (path: string, key: string, stream: boolean) =>
    caller.post(`/gateway/local${path}`, { stream }, { 'idempotency-key': key });

  it('MAX_REPLAY_SIZE bytes come as a stream, one more is said to be too long and read at /result', async () => {
    const most = await caller.submit(stand.on(chat('most'), json(completionOf(MAX))));
    expect(await caller.ended(most.id)).toMatchObject({ response: { size: MAX } });
    const events = await eventsIn(await caller.get(`/api/jobs/${most.id}/stream`));
    expect(events.at(-1)?.data).toBe('[DONE]');

    const { id } = await caller.submit(stand.on(chat('more'), json(completionOf(MAX + 1))));
    await caller.ended(id);
    const refused = await caller.get(`/api/jobs/${id}/stream`);
    expect(refused.status).toBe(409);
    expect((await errorIn(refused)).code).toBe('stream_unsupported');
    expect(await (await caller.get(`/api/jobs/${id}/result`)).json()).toEqual(completionOf(MAX + 1));
  });

  it('to a repeat that asks for a stream it is the error of the format', async () => {
    const path = stand.on(chat('repeat'), json(completionOf(MAX + 1)));
    expect((await keyed(path, 'repeat', false)).status).toBe(200);
    const [event] = await eventsIn(await keyed(path, 'repeat', true));
    expect(JSON.parse(event?.data ?? '')).toMatchObject({ error: { code: 'stream_unsupported' } });
  });

  it('a stored stream of more is not gathered into one completion', async () => {
    const sizeOf = (text: string) => `${chatChunk(text, 'stop')}${DONE}`.length;
    const most = 'y'.repeat(MAX - sizeOf(''));
    for (const [key, text, status] of [
      ['fits', most, 200],
      ['not', `${most}y`, 409],
    ] as const) {
      const path = stand.on(chat(key), streaming(chatChunk(text, 'stop'), DONE));
      expect(dataOf(await eventsIn(await keyed(path, key, true)))).toContain('[DONE]');
      const repeat = await keyed(path, key, false);
      expect(repeat.status).toBe(status);
      expect(repeat.headers.get('x-should-retry')).toBe(status === 200 ? null : 'false');
    }
    expect(stand.received(chat('not'))).toHaveLength(1);
  });

  it('a failed job is told of in the words of an error of 64 KiB, of a longer one in ours', async () => {
    const rest = JSON.stringify({ error: { message: '', type: 'told_type', param: null, code: 'told_code' } }).length;
    for (const [name, size, code] of [
      ['words', MAX_ERROR, 'told_code'],
      ['page', MAX_ERROR + 1, 'upstream_status'],
    ] as const) {
      const { id } = await caller.submit(stand.on(chat(name), failing(400, {}, 'z'.repeat(size - rest))));
      const [event] = await eventsIn(await caller.get(`/api/jobs/${id}/stream`));
      expect(JSON.parse(event?.data ?? '')).toMatchObject({ error: { code } });
    }
  });
});
