import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatChunk, completion, DONE, failing, hang, json, pushed, streaming } from '../harness/answers.ts';
import { type Caller, errorIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { dataOf, EventsOf, eventsIn } from '../harness/events.ts';
import { movableClock, type Stand, startStand } from '../harness/stand.ts';

const chat = (name: string) => `/${name}/v1/chat/completions`;

describe.each(compositions)('how a stream ends that is not completed: $name', ({ start }) => {
  const clock = movableClock();
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { clock, env: { HEARTBEAT_INTERVAL_MS: '50', CHUNK_DELAY_MS: '0' } });
    caller = stand.caller('sk-ends-caller');
  });
  afterAll(() => stand.stop());

  const streamOf = (id: string, query = '', headers = {}) => caller.get(`/api/jobs/${id}/stream${query}`, headers);
  const lastOf = (events: readonly { data: string }[]) => JSON.parse(events.at(-1)?.data ?? '');

  it('failed: the provider error, in its words', async () => {
    const { id } = await caller.submit(stand.on(chat('failed'), failing(400)), { body: { stream: true } });
    const events = await eventsIn(await streamOf(id));
    expect(events).toHaveLength(1);
    expect(lastOf(events)).toEqual({
      error: { message: 'told 400', type: 'told_type', param: null, code: 'told_code' },
    });
  });

  it.each<[string, (id: string) => Promise<unknown>, object]>([
    ['failed', (id) => caller.ended(id), { retries: 0 }],
    ['cancelled', (id) => caller.post(`/api/jobs/${id}/cancel`), { delay_s: 100 }],
  ])('%s: an EventSource that has been told so does not come again for ever', async (_status, end, options) => {
    const { id } = await caller.submit(stand.on(chat('told'), failing(400)), options);
    await end(id);
    const [told, ...more] = await eventsIn(await streamOf(id, '?event_ids=true'));
    expect(more).toEqual([]);
    expect(told?.id).toBe('end');
    const again = await streamOf(id, '?event_ids=true', { 'last-event-id': told?.id ?? '' });
    expect(again.status).toBe(204);
  });

  it('failed without an answer: what went wrong, in our words', async () => {
    const { id } = await caller.submit(stand.on(chat('silent'), hang), { timeout_s: 1 });
    expect(lastOf(await eventsIn(await streamOf(id)))).toMatchObject({ error: { type: 'TIMEOUT' } });
  });

  it('cancelled: said to a reader who is there, and to one who comes later', async () => {
    const answer = pushed();
    const { id } = await caller.submit(stand.on(chat('cancelled'), answer.handler), { body: { stream: true } });
    await answer.come;
    answer.push(chatChunk('x'));
    const reader = new EventsOf(await streamOf(id));
    await reader.take(1);
    await caller.post(`/api/jobs/${id}/cancel`);
    expect(lastOf(await reader.rest())).toMatchObject({ error: { code: 'job_cancelled' } });
    expect(lastOf(await eventsIn(await streamOf(id)))).toMatchObject({ error: { code: 'job_cancelled' } });
  });

  it('expired: said as well', async () => {
    const { id } = await caller.submit('/never', { delay_s: 100, ttl_s: 100 });
    const reader = new EventsOf(await streamOf(id));
    await reader.heartbeats(1);
    clock.advance(201_000);
    expect(lastOf(await reader.rest())).toMatchObject({ error: { code: 'job_expired' } });
  });

  it('broken off for good: what came, then the error, then and ever after', async () => {
    const answer = pushed();
    const path = stand.on(chat('broken'), answer.handler);
    const { id } = await caller.submit(path, { body: { stream: true }, retries: 0 });
    await answer.come;
    const reader = new EventsOf(await streamOf(id));
    answer.push(chatChunk('x'));
    const seen = await reader.take(1);
    answer.breakOff();
    const whole = [...seen, ...(await reader.rest())];
    expect(whole).toHaveLength(2);
    expect(lastOf(whole)).toMatchObject({ error: { type: 'NETWORK', code: 'upstream_reset' } });
    expect(await caller.ended(id)).toMatchObject({ status: 'failed', error: { code: 'upstream_reset' } });
    expect(await eventsIn(await streamOf(id))).toEqual(whole);
    expect(lastOf(await eventsIn(await streamOf(id, '?starting_after=0')))).toEqual(lastOf(whole));
  });

  it('broken off and tried again: its reader is told so, and never given the second after the first', async () => {
    const first = pushed();
    const second = pushed();
    const path = stand.on(chat('twice'), first.handler, second.handler);
    const { id } = await caller.submit(path, { body: { stream: true }, retries: 1 });
    await first.come;
    const reader = new EventsOf(await streamOf(id, '?event_ids=true'));
    first.push(chatChunk('first'));
    expect(await reader.take(1)).toMatchObject([{ id: '0' }]);
    first.breakOff();
    await second.come;
    second.push(chatChunk('second a'));
    second.push(chatChunk('second b'));
    const rest = await reader.rest();
    expect(rest).toHaveLength(1);
    expect(lastOf(rest)).toMatchObject({ error: { code: 'stream_restarted' } });
    // An EventSource comes again by itself, with the number of the last event that it has.
    const reconnected = await eventsIn(await streamOf(id, '', { 'last-event-id': '0' }));
    expect(reconnected).toHaveLength(1);
    expect(lastOf(reconnected)).toMatchObject({ error: { code: 'stream_restarted' } });
    second.end(DONE);
    await caller.ended(id);
    const whole = await eventsIn(await streamOf(id, '?event_ids=true'));
    expect(whole.map((event) => event.id)).toEqual(['0.2', '1.2', '2.2']);
    expect(dataOf(whole)).toEqual(
      [chatChunk('second a'), chatChunk('second b'), DONE].map((text) => text.slice(6, -2)),
    );
    expect(dataOf(await eventsIn(await streamOf(id, '', { 'last-event-id': '1.2' })))).toEqual(['[DONE]']);
    expect(dataOf(await eventsIn(await streamOf(id, '?starting_after=1')))).toEqual(['[DONE]']);
    expect((await streamOf(id, '', { 'last-event-id': '2.2' })).status).toBe(204);
  });

  it('broken off, then answered whole: the whole answer is not given after the first half', async () => {
    const first = pushed();
    const path = stand.on(chat('then-whole'), first.handler, json(completion('whole')));
    const { id } = await caller.submit(path, { body: { stream: true }, retries: 1 });
    await first.come;
    const reader = new EventsOf(await streamOf(id));
    first.push(chatChunk('half'));
    await reader.take(1);
    first.breakOff();
    const rest = await reader.rest();
    expect(rest).toHaveLength(1);
    expect(lastOf(rest)).toMatchObject({ error: { code: 'stream_restarted' } });
    expect((await eventsIn(await streamOf(id))).at(-1)?.data).toBe('[DONE]');
  });

  it('run again by its caller: the stream is that of the new run', async () => {
    const path = stand.on(chat('again'), failing(400), streaming(chatChunk('now'), DONE));
    const { id } = await caller.submit(path, { body: { stream: true } });
    await caller.ended(id);
    await caller.post(`/api/jobs/${id}/retry`);
    expect(dataOf(await eventsIn(await streamOf(id)))).toHaveLength(2);
  });

  it('a path whose whole answers have no stream format: 409 once that is known', async () => {
    const { id } = await caller.submit(stand.on('/v1/embeddings', json({ data: [] })));
    await caller.ended(id);
    const response = await streamOf(id);
    expect(response.status).toBe(409);
    expect((await errorIn(response)).code).toBe('stream_unsupported');
  });

  it('a path without a format whose answer is a stream is read all the same', async () => {
    const { id } = await caller.submit(stand.on('/v1/other', streaming('data: 1\n\n', 'event: e\ndata: 2\n\n')));
    await caller.ended(id);
    expect(dataOf(await eventsIn(await streamOf(id)))).toEqual(['1', '2']);
  });

  it('an answer on a replayable path that is no completion: said in the stream', async () => {
    const { id } = await caller.submit(stand.on(chat('odd'), json({ odd: true })));
    await caller.ended(id);
    expect(lastOf(await eventsIn(await streamOf(id)))).toMatchObject({ error: { code: 'stream_unsupported' } });
  });
});
