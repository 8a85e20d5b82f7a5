import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatChunk, completion, DONE, held, pushed } from '../harness/answers.ts';
import type { Caller } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { EventsOf, eventsIn, type SseEvent } from '../harness/events.ts';
import { type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('a streamed job while it runs: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { env: { HEARTBEAT_INTERVAL_MS: '50', CHUNK_DELAY_MS: '0' } });
    caller = stand.caller('sk-live-caller');
  });
  afterAll(() => stand.stop());

  const chat = (name: string) => `/${name}/v1/chat/completions`;

  it('is given to several readers as it comes, and exactly so after its end', async () => {
    const answer = pushed();
    const path = stand.on(chat('several'), answer.handler);
    const { id } = await caller.submit(path, { body: { stream: true } });
    await answer.come;
    const open = async () => new EventsOf(await caller.get(`/api/jobs/${id}/stream`));
    const early = await open();
    const seen: SseEvent[] = [];
    for (const word of ['one ', 'two ', 'three ']) {
      answer.push(chatChunk(word));
      // Not before the reader has this one does the provider send the next: no event waits for the end.
      seen.push(...(await early.take(1)));
    }
    const late = await open();
    const caughtUp = await late.take(3);
    expect(caughtUp).toEqual(seen);
    answer.push(chatChunk('', 'stop'));
    answer.end(DONE);
    const whole = [...seen, ...(await early.rest())];
    expect(whole.at(-1)?.data).toBe('[DONE]');
    expect(whole).toHaveLength(5);
    expect([...caughtUp, ...(await late.rest())]).toEqual(whole);
    await caller.ended(id);
    expect(await eventsIn(await caller.get(`/api/jobs/${id}/stream`))).toEqual(whole);
  });

  it('keeps every byte at /result, comments and odd line ends included', async () => {
    const bytes = ': hello\r\n\r\ndata: 1\r\n\r\nevent: x\ndata: a\ndata: b\n\ndata: 3\r\rdata: cut';
    const answer = pushed();
    const { id } = await caller.submit(stand.on('/odd', answer.handler), { body: { stream: true } });
    await answer.come;
    for (const character of bytes) answer.push(character);
    answer.end();
    expect(await caller.ended(id)).toMatchObject({ status: 'completed', response: { size: bytes.length } });
    const result = await caller.get(`/api/jobs/${id}/result`);
    expect(result.headers.get('content-type')).toBe('text/event-stream');
    expect(await result.text()).toBe(bytes);
    const events = await eventsIn(await caller.get(`/api/jobs/${id}/stream`));
    expect(events.map(({ event, data }) => [event, data])).toEqual([
      [null, '1'],
      ['x', 'a\nb'],
      [null, '3'],
    ]);
  });

  it('tells the usage that stands in the stream', async () => {
    const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
    const answer = pushed();
    const { id } = await caller.submit(stand.on(chat('usage'), answer.handler), { body: { stream: true } });
    await answer.come;
    answer.push(chatChunk('x', 'stop'));
    answer.end(`data: ${JSON.stringify({ choices: [], usage })}\n\n${DONE}`);
    expect((await caller.ended(id)).usage).toEqual(usage);
  });

  it('is kept open by heartbeats before its first event and between two', async () => {
    const answer = pushed();
    const { id } = await caller.submit(stand.on(chat('quiet'), answer.handler), { body: { stream: true } });
    const events = new EventsOf(await caller.get(`/api/jobs/${id}/stream`));
    await events.heartbeats(2);
    await answer.come;
    answer.push(chatChunk('x'));
    await events.take(1);
    await events.heartbeats(events.comments + 2);
    answer.end(DONE);
    expect(await events.rest()).toHaveLength(1);
  });

  it('a job that is queued or not streamed has heartbeats until its answer is replayed', async () => {
    const answer = held(completion('Hello there'));
    const { id } = await caller.submit(stand.on(chat('not-streamed'), answer.handler), { delay_s: 1 });
    const events = new EventsOf(await caller.get(`/api/jobs/${id}/stream`));
    await events.heartbeats(2);
    await answer.come;
    await events.heartbeats(events.comments + 2);
    answer.go();
    expect((await events.rest()).at(-1)?.data).toBe('[DONE]');
  });

  it('a reader who leaves stops nothing', async () => {
    const answer = pushed();
    const { id } = await caller.submit(stand.on(chat('left'), answer.handler), { body: { stream: true } });
    await answer.come;
    answer.push(chatChunk('x'));
    const events = new EventsOf(await caller.get(`/api/jobs/${id}/stream`));
    await events.take(1);
    await events.leave();
    answer.end(DONE);
    expect(await caller.ended(id)).toMatchObject({ status: 'completed' });
  });

  it('a long stream is read in the same order as it was sent, by those who come late too', async () => {
    const answer = pushed();
    const { id } = await caller.submit(stand.on(chat('long'), answer.handler), { body: { stream: true } });
    await answer.come;
    const reading = eventsIn(await caller.get(`/api/jobs/${id}/stream`));
    const filler = 'y'.repeat(2_000);
    for (let n = 0; n < 500; n++) answer.push(`data: ${n} ${filler}\n\n`);
    answer.end();
    const numbers = (events: readonly { data: string }[]) => events.map(({ data }) => Number.parseInt(data, 10));
    const expected = Array.from({ length: 500 }, (_, n) => n);
    expect(numbers(await reading)).toEqual(expected);
    expect(numbers(await eventsIn(await caller.get(`/api/jobs/${id}/stream`)))).toEqual(expected);
    const rest = await eventsIn(await caller.get(`/api/jobs/${id}/stream?starting_after=321`));
    expect(numbers(rest)).toEqual(expected.slice(322));
  });
});
