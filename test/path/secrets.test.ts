import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completion, failing, held, json, reset } from '../harness/answers.ts';
import { type Caller, jobIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { eventsIn } from '../harness/events.ts';
import { type Stand, startStand } from '../harness/stand.ts';

/** What must not be found anywhere, each recognisable by its name. */
const MARKERS = {
  key: 'sk-MARKER-key-0123456789',
  queryKey: 'MARKER-query-key-0123456789',
  pathKey: 'MARKER-path-key-0123456789',
  secretHeader: 'MARKER-secret-header',
  prompt: 'MARKER prompt text',
  completion: 'MARKER completion text',
  error: 'MARKER error text',
  metadata: 'MARKER metadata text',
  idempotency: 'MARKER-idempotency-key',
};

describe.each(compositions)('secrets: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { env: { LOG_LEVEL: 'DEBUG', CHUNK_DELAY_MS: '0' } });
    caller = stand.caller(MARKERS.key);
  });
  afterAll(() => stand.stop());

  async function found(): Promise<string[]> {
    const places = [...(await stand.gateway.stored()), ['log', Buffer.from(stand.gateway.lines.join('\n'))] as const];
    return places.flatMap(([place, bytes]) =>
      Object.entries(MARKERS)
        .filter(([, marker]) => bytes.includes(marker))
        .map(([name]) => `${name} in ${place}`),
    );
  }

  const body = { model: 'm', messages: [{ role: 'user', content: MARKERS.prompt }] };

  it('nothing that was sent or answered lies in clear in a file or a log line', async () => {
    const chat = stand.on('/v1/chat/completions', json(completion(MARKERS.completion)));
    const job = await caller.submit(`${chat}?key=${MARKERS.pathKey}`, {
      body,
      headers: { 'x-custom-token': MARKERS.secretHeader },
      metadata: { note: MARKERS.metadata },
    });
    await caller.ended(job.id);
    expect((await eventsIn(await caller.get(`/api/jobs/${job.id}/stream`))).length).toBeGreaterThan(2);
    const headers = { 'idempotency-key': MARKERS.idempotency };
    expect((await caller.post('/gateway/local/v1/chat/completions', body, headers)).status).toBe(200);
    const query = `/gateway/local/v1/chat/completions?key=${MARKERS.queryKey}`;
    const byQuery = await jobIn(await stand.caller().post(query, body, { prefer: 'respond-async' }));
    await stand.caller().get(`/api/jobs/${byQuery.id}?wait=30&key=${MARKERS.queryKey}`);
    const bad = await caller.submit(stand.on('/bad', failing(400, {}, MARKERS.error)), { body });
    await caller.ended(bad.id);
    const broken = await caller.submit(stand.on('/broken', reset), { body, retries: 0 });
    await caller.ended(broken.id);
    await caller.post('/gateway/local/bad', body);
    await caller.post('/api/jobs', { service: 'local', path: MARKERS.prompt, metadata: MARKERS.metadata });

    // The proof of the proof: the keys did travel.
    const [received] = stand.received('/v1/chat/completions');
    expect(received?.url).toContain(MARKERS.pathKey);
    expect(received?.headers).toMatchObject({ authorization: `Bearer ${MARKERS.key}` });
    expect(received?.headers['x-custom-token']).toBe(MARKERS.secretHeader);
    expect(stand.received('/v1/chat/completions').some(({ url }) => url.includes(MARKERS.queryKey))).toBe(true);
    expect((await stand.gateway.stored()).size).toBeGreaterThan(3);
    expect(stand.gateway.lines.length).toBeGreaterThan(10);
    expect(await found()).toEqual([]);
  });

  it('the credential is there while the job needs it, and erased by any end', async () => {
    const answer = held({});
    const running = await caller.submit(stand.on('/running', answer.handler));
    const cancelled = await caller.submit('/never', { delay_s: 600 });
    const failed = await caller.submit(stand.on('/failing', failing(400)));
    await answer.come;
    await caller.ended(failed.id);
    for (const { id } of [running, cancelled]) expect(await stand.gateway.hasCredential(id)).toBe(true);
    answer.go();
    await caller.post(`/api/jobs/${cancelled.id}/cancel`);
    await caller.ended(running.id);
    for (const { id } of [running, cancelled, failed]) expect(await stand.gateway.hasCredential(id)).toBe(false);
  });

  it('a key in the path of POST /api/jobs is a credential where the caller brings no other: it pays, and goes', async () => {
    const anonymous = stand.caller();
    const path = stand.on('/by-path-key', failing(400));
    const job = await anonymous.submit(`${path}?a=1&key=${MARKERS.pathKey}&b=2`);
    await anonymous.ended(job.id);
    expect(stand.received(path)[0]?.url).toBe(`${path}?a=1&b=2&key=${MARKERS.pathKey}`);
    expect(await stand.gateway.hasCredential(job.id)).toBe(false);
    await anonymous.post(`/api/jobs/${job.id}/retry`);
    await anonymous.ended(job.id);
    expect(stand.received(path)[1]?.url).toBe(`${path}?a=1&b=2`);
  });

  it('a deleted job leaves no chunk of its body or result', async () => {
    const { id } = await caller.submit(stand.on('/large', json({ text: 'x'.repeat(600_000) })), {
      body: 'y'.repeat(600_000),
    });
    await caller.ended(id);
    await caller.send('DELETE', `/api/jobs/${id}`);
    expect(await stand.gateway.chunks(id)).toBe(0);
  });
});

describe.each(compositions)('a path that is itself a secret: $name', ({ start }) => {
  it('is neither logged nor shown, as the read token opens the job to others', async () => {
    const proxyConfig = JSON.stringify({ telegram: { host: 'http://127.0.0.1:9' } });
    const stand = await startStand(start, { env: { PROXY_CONFIG: proxyConfig } });
    try {
      const caller = stand.caller('sk');
      const request = { service: 'telegram', path: '/botMARKER/sendMessage', body: {}, delay_s: 600 };
      const job = await jobIn(await caller.post('/api/jobs', request));
      expect(job.path).toBe('/…');
      expect((await caller.job(job.id)).path).toBe('/…');
      expect(await (await caller.get('/api/jobs')).text()).not.toContain('MARKER');
      expect(stand.gateway.lines.join('\n')).not.toContain('MARKER');
    } finally {
      await stand.stop();
    }
  });
});
