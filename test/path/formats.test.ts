import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isObject, type JsonObject, parseJson } from '../../lib/json.ts';
import { failing, json } from '../harness/answers.ts';
import type { Caller } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { dataOf, eventsIn, type SseEvent } from '../harness/events.ts';
import { CALLS, formatAt, TEXT } from '../harness/format-calls.ts';
import { type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('every format, replayed: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { env: { CHUNK_DELAY_MS: '0', CHUNK_TARGET_LENGTH: '8' } });
    caller = stand.caller('sk-formats');
  });
  afterAll(() => stand.stop());

  describe.each(Object.entries(CALLS))('%s', (name, { path, streamed, ask, answer }) => {
    const format = formatAt(path);
    const sse = name === 'gemini' ? '?alt=sse' : '';
    const fake = (prefix: string, body: JsonObject = ask, query = sse) =>
      caller.post(`/gateway/local${prefix}${streamed}${query}`, body, { 'x-gateway-stream': 'replay' });
    const collected = (events: readonly SseEvent[]) =>
      format.collect(events.map(({ event, data }) => (event === null ? { data } : { event, data })));

    it('live: the provider is asked for a whole answer, which comes in pieces', async () => {
      stand.on(`/live${path}`, json(answer));
      const events = await eventsIn(await fake('/live'));
      expect(events.length).toBeGreaterThan(5);
      expect(collected(events)).toEqual(answer);
      const asked = stand.received(`/live${path}`).at(-1);
      expect(asked?.url).toBe(`/live${path}`);
      const { stream: _stream, stream_options: _options, ...rest } = ask;
      expect(parseJson(asked?.body.toString() ?? '')).toEqual(rest);
    });

    it('late errors are the error of the format, with the words and the status of the provider', async () => {
      stand.on(`/late${path}`, failing(429, { 'x-should-retry': 'false' }));
      const data = dataOf(await eventsIn(await fake('/late'))).filter((text) => !text.includes('"ping"'));
      expect(data).toHaveLength(1);
      const told = parseJson(data[0] ?? '');
      expect(isObject(told) && told['error']).toMatchObject({ message: 'told 429' });
    });

    it('a job: replayed from its stored answer, and resumed after any event', async () => {
      const { id } = await caller.submit(stand.on(`/job${path}`, json(answer)));
      await caller.ended(id);
      const read = async (query: string) => eventsIn(await caller.get(`/api/jobs/${id}/stream${query}`));
      const whole = await read('');
      expect(collected(whole)).toEqual(answer);
      for (let n = 0; n < whole.length; n++) expect(await read(`?starting_after=${n}`)).toEqual(whole.slice(n + 1));
      const ids = (await read('?event_ids=true')).map((event) => event.id);
      expect(ids).toEqual(whole.map((_, index) => (name === 'gemini' ? null : String(index))));
    });

    it('under a key: one call, given as a stream and as JSON', async () => {
      stand.on(`/keyed${path}`, json(answer));
      const headers = { 'idempotency-key': name, 'x-gateway-stream': 'replay' };
      for (let time = 0; time < 2; time++) {
        const events = await eventsIn(await caller.post(`/gateway/local/keyed${streamed}${sse}`, ask, headers));
        expect(collected(events.filter(({ event }) => event !== 'ping'))).toEqual(answer);
      }
      expect(stand.received(`/keyed${path}`)).toHaveLength(1);
    });

    it('an answer of another format is replayed as the text that it has', async () => {
      for (const [other, { answer: foreign }] of Object.entries(CALLS)) {
        stand.on(`/foreign${path}`, json(foreign));
        const text = JSON.stringify(collected(await eventsIn(await fake('/foreign'))));
        expect(text, other).toContain(TEXT);
      }
      stand.on(`/foreign${path}`, (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(TEXT);
      });
      expect(JSON.stringify(collected(await eventsIn(await fake('/foreign'))))).toContain(TEXT);
    });

    it('an answer without text is one clear error, never an empty stream', async () => {
      stand.on(`/nothing${path}`, json({ unknown: true }));
      const data = dataOf(await eventsIn(await fake('/nothing'))).filter((text) => !text.includes('"ping"'));
      expect(data).toHaveLength(1);
      const told = parseJson(data[0] ?? '');
      expect(isObject(told) && told['error']).toMatchObject({ message: expect.stringContaining('provider') });
    });
  });

  describe('gemini without alt=sse', () => {
    const { path, streamed, answer } = CALLS['gemini'] ?? { path: '', streamed: '', answer: {} };
    const format = formatAt(path);
    const array = async (prefix: string, headers = {}) => {
      const all = { 'x-gateway-stream': 'replay', ...headers };
      const response = await caller.post(`/gateway/local${prefix}${streamed}?key=sk`, { contents: [] }, all);
      expect(response.headers.get('content-type')).toMatch(/^application\/json/);
      const frames: unknown = await response.json();
      return Array.isArray(frames) ? frames : [];
    };

    it.each([{}, { 'idempotency-key': 'array' }])('is one JSON array: %j', async (headers) => {
      stand.on(`/array${path}`, json(answer));
      const frames = await array('/array', headers);
      expect(frames.length).toBeGreaterThan(5);
      expect(format.collect(frames.map((frame) => ({ data: JSON.stringify(frame) })))).toEqual(answer);
    });

    it('an error is an element of it', async () => {
      stand.on(`/failing${path}`, failing(400));
      expect(await array('/failing')).toMatchObject([{ error: { code: 400, message: 'told 400' } }]);
    });
  });
});
