import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frame } from '../../lib/http/sse.ts';
import { isObject, type JsonObject, parseJson } from '../../lib/json.ts';
import type { ReplayEvent, StreamFormat } from '../../lib/replay/format.ts';
import { streamedTarget } from '../../lib/replay/formats.ts';
import { json, startEvents, streaming } from '../harness/answers.ts';
import { type Caller, errorIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { eventsIn } from '../harness/events.ts';
import { CALLS, formatAt, TEXT } from '../harness/format-calls.ts';
import { type Stand, startStand } from '../harness/stand.ts';
import type { Handler } from '../harness/upstream.ts';

const COLLECT = { 'x-gateway-stream': 'collect' };

describe.each(compositions)('a stream that is collected: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { env: { CHUNK_DELAY_MS: '0', MAX_REPLAY_SIZE: '100000' } });
    caller = stand.caller('sk-collect');
  });
  afterAll(() => stand.stop());

  describe.each(Object.entries(CALLS))('%s', (_name, { path, ask, answer }) => {
    const format = formatAt(path);
    const { stream: _stream, stream_options: _options, ...whole } = ask;
    const events = format.replay(answer, { pieceLength: 8, includeUsage: true }) ?? [];
    const text = (given: readonly ReplayEvent[]) => given.map((event) => frame(event, null)).join('');
    /** Where the provider is asked for a stream. */
    const streamedPath = (prefix: string) => `${prefix}${streamedTarget(path)}`.split('?', 1)[0] ?? '';
    const at = (prefix: string, answerOf: Handler) => {
      stand.on(streamedPath(prefix), answerOf);
      return `/gateway/local${prefix}${path}`;
    };
    const lastBody = (prefix: string) => parseJson(stand.received(streamedPath(prefix)).at(-1)?.body.toString() ?? '');

    it('sync: the provider is asked for a stream, the caller has one completion of it', async () => {
      const response = await caller.post(at('/sync', streaming(text(events))), whole, COLLECT);
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json']);
      expect(response.headers.get('x-processing-mode')).toBe('background');
      expect(await response.json()).toEqual(answer);
      const asked = lastBody('/sync');
      expect(asked).toEqual(format.name === 'gemini' ? whole : { ...whole, ...asksFor(format) });
      expect(stand.received(streamedPath('/sync')).at(-1)?.headers['accept']).toBe('text/event-stream');
    });

    it('a job: its result is the completion, its stream the events that came', async () => {
      const accepted = await caller.post(at('/job', streaming(text(events))), whole, {
        ...COLLECT,
        prefer: 'respond-async',
      });
      const { id } = await accepted.json();
      expect(await caller.ended(id)).toMatchObject({ response: { content_type: 'text/event-stream' } });
      const result = await caller.get(`/api/jobs/${id}/result`);
      expect([result.headers.get('content-type'), await result.json()]).toEqual(['application/json', answer]);
      const verbatim = await caller.get(`/api/jobs/${id}/result`, { accept: 'text/event-stream' });
      expect(await verbatim.text()).toBe(text(events));
      const streamed = await eventsIn(await caller.get(`/api/jobs/${id}/stream`));
      expect(streamed.map(({ data }) => data)).toEqual(events.map(({ data }) => data));
    });

    it('POST /api/jobs takes the header too', async () => {
      at('/posted', streaming(text(events)));
      const { id } = await caller.submit(`/posted${path}`, { body: whole }, COLLECT);
      await caller.ended(id);
      expect(await (await caller.get(`/api/jobs/${id}/result`)).json()).toEqual(answer);
    });

    it('under a key: one call, given as JSON to who asks again, and as a stream', async () => {
      const url = at('/keyed', streaming(text(events)));
      const headers = { ...COLLECT, 'idempotency-key': `collect ${format.name}` };
      for (let time = 0; time < 2; time++)
        expect(await (await caller.post(url, whole, headers)).json()).toEqual(answer);
      const { 'x-gateway-stream': _, ...plain } = headers;
      const again = await caller.post(`/gateway/local/keyed${path}`, whole, plain);
      expect([again.headers.get('idempotent-replayed'), await again.json()]).toEqual(['true', answer]);
      expect(stand.received(streamedPath('/keyed'))).toHaveLength(1);
    });

    it('a stream that a job was asked for is read as JSON by who wants JSON', async () => {
      at('/asked', streaming(text(events)));
      const { id } = await caller.submit(streamedTarget(`/asked${path}`), { body: ask });
      await caller.ended(id);
      const result = (accept: string) => caller.get(`/api/jobs/${id}/result`, { accept });
      expect(await (await result('application/json')).json()).toEqual(answer);
      for (const accept of ['*/*', 'text/event-stream', 'text/event-stream, application/json;q=0.5']) {
        expect(await (await result(accept)).text()).toBe(text(events));
      }
    });

    it('an error on the way is the provider’s own, and not tried again', async () => {
      const error = format.error({ message: 'too much', type: 'told_type', code: 'told_code', status: 429 });
      const url = at('/failed', streaming(text([...events.slice(0, 2), error])));
      const response = await caller.post(url, whole, COLLECT);
      expect([response.status, response.headers.get('x-should-retry')]).toEqual([
        format.name === 'gemini' ? 429 : 502,
        'false',
      ]);
      const body: unknown = await response.json();
      expect(isObject(body) && body['error']).toMatchObject({ message: 'too much' });
    });

    it('a stream that ends before its end is no completion', async () => {
      const url = at('/broken', streaming(text(events.slice(0, 2))));
      const response = await caller.post(url, whole, COLLECT);
      expect([response.status, response.headers.get('x-should-retry')]).toEqual([502, 'false']);
      const body: unknown = await response.json();
      expect(JSON.stringify(body)).toContain('upstream_reset');
    });
  });

  const chat = '/v1/chat/completions';
  const asked = { model: 'm', messages: [] };

  it('what is no stream comes as it is: an error, and a whole answer after all', async () => {
    const path = stand.on(`/whole${chat}`, json({ error: { message: 'no' } }, 400), json({ choices: [] }));
    const refused = await caller.post(`/gateway/local${path}`, asked, COLLECT);
    expect([refused.status, await refused.json()]).toEqual([400, { error: { message: 'no' } }]);
    const answered = await caller.post(`/gateway/local${path}`, asked, COLLECT);
    expect([answered.status, await answered.json()]).toEqual([200, { choices: [] }]);
  });

  it('a stream of another format is the text that it spells', async () => {
    const answer = CALLS['messages']?.answer ?? {};
    const events = formatAt('/v1/messages').replay(answer, { pieceLength: 8, includeUsage: true }) ?? [];
    const path = stand.on(`/foreign${chat}`, streaming(events.map((event) => frame(event, null)).join('')));
    const response = await caller.post(`/gateway/local${path}`, asked, COLLECT);
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: TEXT } }] });
  });

  it('a stream that spells nothing, or more than may be in memory, is an error', async () => {
    const path = stand.on(
      `/nothing${chat}`,
      streaming('data: hello\n\n'),
      streaming(`data: ${'x'.repeat(100_001)}\n\n`),
    );
    for (const code of ['upstream_malformed', 'response_too_large']) {
      const response = await caller.post(`/gateway/local${path}`, asked, COLLECT);
      expect([response.status, (await errorIn(response)).code]).toEqual([502, code]);
    }
  });

  it('the whole of it is due in the time of a background call', async () => {
    const slow = await startStand(start, { env: { BACKGROUND_TIMEOUT: '400' } });
    const path = slow.on(`/slow${chat}`, (_request, response) => {
      startEvents(response);
      response.write('data: {"choices":[]}\n\n');
    });
    const response = await slow.caller('sk-slow').post(`/gateway/local${path}`, asked, COLLECT);
    expect([response.status, (await errorIn(response)).code]).toEqual([504, 'upstream_total_timeout']);
    await slow.stop();
  });

  it.each<[string, (body: object) => Promise<Response>]>([
    ['sync', (body) => caller.post(`/gateway/local/both${chat}`, body, COLLECT)],
    [
      'under a key',
      (body) => caller.post(`/gateway/local/both${chat}`, body, { ...COLLECT, 'idempotency-key': 'both' }),
    ],
    ['as a job', (body) => caller.post(`/gateway/local/both${chat}`, body, { ...COLLECT, prefer: 'respond-async' })],
    [
      'of a long body',
      (body) => caller.post(`/gateway/local/both${chat}`, { pad: 'x'.repeat(1_100_000), ...body }, COLLECT),
    ],
    ['posted', (body) => caller.post('/api/jobs', { service: 'local', path: `/both${chat}`, body }, COLLECT)],
  ])('a call that asks for a stream and for one answer of it is refused: %s', async (_way, send) => {
    const response = await send({ ...asked, stream: true });
    expect(response.status).toBe(400);
    expect((await errorIn(response)).param).toBe('X-Gateway-Stream');
    expect(stand.received(`/both${chat}`)).toHaveLength(0);
  });

  it('a long body is asked for as a stream too, every other byte of it as it came', async () => {
    const answer = CALLS['chat']?.answer ?? {};
    const events = formatAt(chat).replay(answer, { pieceLength: 8, includeUsage: true }) ?? [];
    const path = stand.on(`/long${chat}`, streaming(events.map((event) => frame(event, null)).join('')));
    const body = `{"n": 1.0, "big":12345678901234567890,"pad":"${'x'.repeat(1_100_000)}"}`;
    const response = await caller.send('POST', `/gateway/local${path}`, {
      headers: { ...COLLECT, 'content-type': 'application/json' },
      body,
    });
    expect(await response.json()).toEqual(answer);
    const sent = stand.received(path).at(-1)?.body.toString() ?? '';
    expect(sent.replace(/"pad":"x+",/, '')).toBe(
      '{"n":1.0,"big":12345678901234567890,"stream":true,"stream_options":{"include_usage":true}}',
    );
  });

  it('a service that cannot stream is asked for its whole answer', async () => {
    const whole = await startStand(start, { service: { supportsStreaming: false } });
    const path = whole.on(`/only-whole${chat}`, json({ choices: [] }));
    const response = await whole.caller('sk-whole').post(`/gateway/local${path}`, asked, COLLECT);
    expect(await response.json()).toEqual({ choices: [] });
    expect(parseJson(whole.received(path).at(-1)?.body.toString() ?? '')).toEqual(asked);
    await whole.stop();
  });

  it('paths that have no streams of a known format are not touched', async () => {
    const path = stand.on('/v1/models/m', json({ id: 'm' }));
    expect(await (await caller.get(`/gateway/local${path}`, COLLECT)).json()).toEqual({ id: 'm' });
  });
});

function asksFor({ streamOptions }: StreamFormat): JsonObject {
  return { stream: true, ...(streamOptions === null ? {} : { stream_options: parseJson(streamOptions) }) };
}
