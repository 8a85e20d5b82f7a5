import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatChunk, completion, DONE, json, streaming } from '../harness/answers.ts';
import { Caller, errorIn, type JobView } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { dataOf, eventsIn, type SseEvent } from '../harness/events.ts';
import { type Stand, startStand } from '../harness/stand.ts';

const stored = {
  'a stream': streaming(chatChunk('a'), chatChunk('b'), ': comment\n\n', chatChunk('c', 'stop'), DONE),
  'a whole answer': json(completion('Some words that are cut into pieces, and one more sentence.')),
};

describe.each(compositions)('going on within a stream: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { env: { CHUNK_DELAY_MS: '0', CHUNK_TARGET_LENGTH: '8' } });
    caller = stand.caller('sk-resume-caller');
  });
  afterAll(() => stand.stop());

  describe.each(Object.entries(stored))('from %s', (name, handler) => {
    let job: JobView;
    let whole: SseEvent[];
    const read = async (query = '', headers = {}) =>
      eventsIn(await caller.get(`/api/jobs/${job.id}/stream${query}`, headers));
    beforeAll(async () => {
      const path = stand.on(`/${name.replaceAll(' ', '-')}/v1/chat/completions`, handler);
      job = await caller.submit(path, { body: { stream: name === 'a stream' } });
      await caller.ended(job.id);
      whole = await read();
    });

    it('is the same whenever it is read', async () => {
      expect(whole.length).toBeGreaterThan(3);
      expect(whole.at(-1)?.data).toBe('[DONE]');
      expect(await read()).toEqual(whole);
      expect(await read('', { 'x-replay-speed': 'instant' })).toEqual(whole);
    });

    it('has no ids unless they are asked for', async () => {
      expect(whole.every((event) => event.id === null)).toBe(true);
      const numbered = await read('?event_ids=true');
      expect(numbered.map((event) => event.id)).toEqual(whole.map((_, index) => String(index)));
      expect(dataOf(numbered)).toEqual(dataOf(whole));
    });

    it('starting_after=n gives what comes after n, at every n', async () => {
      for (let n = 0; n < whole.length; n++) {
        expect(await read(`?starting_after=${n}`)).toEqual(whole.slice(n + 1));
      }
    });

    it('Last-Event-ID: n gives what comes after n, with ids, and 204 after the last', async () => {
      for (let n = 0; n < whole.length - 1; n++) {
        const rest = await read('', { 'last-event-id': String(n) });
        expect(dataOf(rest)).toEqual(dataOf(whole.slice(n + 1)));
        expect(rest[0]?.id).toBe(String(n + 1));
      }
      const header = { 'last-event-id': String(whole.length - 1) };
      expect((await caller.get(`/api/jobs/${job.id}/stream`, header)).status).toBe(204);
    });

    it.each(['-1', 'x', '1.x', '1.5.2'])('a cursor that is none is refused: %s', async (cursor) => {
      const response = await caller.get(`/api/jobs/${job.id}/stream?starting_after=${cursor}`);
      expect(response.status).toBe(400);
      expect((await errorIn(response)).param).toBe('starting_after');
      const header = await caller.get(`/api/jobs/${job.id}/stream`, { 'last-event-id': cursor });
      expect((await errorIn(header)).param).toBe('Last-Event-ID');
    });

    it('opens with the read token, for an EventSource', async () => {
      const response = await stand.caller().get(`/api/jobs/${job.id}/stream?event_ids=true&token=${job.read_token}`);
      expect(dataOf(await eventsIn(response))).toEqual(dataOf(whole));
    });
  });

  it('heartbeats of the provider are no events, as clients do not count them', async () => {
    const named = (type: string) => `event: ${type}\ndata: {"type": "${type}"}\n\n`;
    const types = [
      'message_start',
      'ping',
      'content_block_start',
      'ping',
      'ping',
      'content_block_stop',
      'message_stop',
    ];
    const { id } = await caller.submit(stand.on('/pinged/v1/messages', streaming(...types.map(named))), {
      body: { stream: true },
    });
    await caller.ended(id);
    const read = async (query: string) => eventsIn(await caller.get(`/api/jobs/${id}/stream${query}`));
    const whole = await read('?event_ids=true');
    expect(whole.map((event) => [event.id, event.event])).toEqual(
      types.filter((type) => type !== 'ping').map((type, index) => [String(index), type]),
    );
    for (let n = 0; n < whole.length; n++)
      expect(dataOf(await read(`?starting_after=${n}`))).toEqual(dataOf(whole.slice(n + 1)));
    const result = await caller.get(`/api/jobs/${id}/result`);
    expect(await result.text()).toBe(types.map(named).join(''));
  });

  it('a pace that is none is refused', async () => {
    const { id } = await caller.submit(stand.on('/pace/v1/chat/completions', json(completion('x'))));
    await caller.ended(id);
    const response = await caller.get(`/api/jobs/${id}/stream`, { 'x-replay-speed': 'warp' });
    expect((await errorIn(response)).param).toBe('X-Replay-Speed');
  });
});

describe.each(compositions)('an answer that was cut by other rules: $name', ({ start }) => {
  it('a cursor outlasts the setting that the answer was cut by', async () => {
    const text = 'Some words that are cut into pieces, and one more sentence.';
    const stand = await startStand(start, { env: { CHUNK_DELAY_MS: '0', CHUNK_TARGET_LENGTH: '8' } });
    const caller = stand.caller('sk-recut-caller');
    const { id } = await caller.submit(stand.on('/recut/v1/chat/completions', json(completion(text))));
    await caller.ended(id);
    const read = async (reader: Caller, query = '') => eventsIn(await reader.get(`/api/jobs/${id}/stream${query}`));
    const whole = await read(caller);
    const { data } = stand.gateway;
    await stand.stop({ keepData: true });
    const again = await start({ env: { CHUNK_DELAY_MS: '0', CHUNK_TARGET_LENGTH: '30' }, data });
    try {
      const reader = new Caller(again.url, caller.headers);
      expect(await read(reader)).toEqual(whole);
      expect(await read(reader, '?starting_after=3')).toEqual(whole.slice(4));
    } finally {
      await again.stop();
    }
  });
});
