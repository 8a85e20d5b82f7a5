import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { held, json, pushed } from '../harness/answers.ts';
import { type Caller, errorIn, jobIn } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { EventsOf, eventsIn } from '../harness/events.ts';
import { type Stand, startStand } from '../harness/stand.ts';

describe.each(compositions)('polling: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { env: { HEARTBEAT_INTERVAL_MS: '50' } });
    caller = stand.caller('sk-poll-caller');
  });
  afterAll(() => stand.stop());

  it('answers at once, with Retry-After until the job has ended', async () => {
    const answer = held({});
    const { id } = await caller.submit(stand.on('/at-once', answer.handler));
    await answer.come;
    const running = await caller.get(`/api/jobs/${id}`);
    expect(Number(running.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(running.headers.get('cache-control')).toBe('no-store');
    const job = await jobIn(running);
    expect(job).toMatchObject({ status: 'in_progress', attempts: 1, completed_at: null });
    expect(job.started_at).not.toBeNull();
    answer.go();
    await caller.ended(id);
    const ended = await caller.get(`/api/jobs/${id}`);
    expect(ended.headers.has('retry-after')).toBe(false);
    expect((await jobIn(ended)).completed_at).not.toBeNull();
  });

  it.each([
    ['?wait', '?wait=30', {}],
    ['Prefer: wait', '', { prefer: 'wait=30' }],
    ['?wait of more than a minute', '?wait=99999', {}],
  ])('%s holds the answer until the end', async (name, query, headers) => {
    const answer = held({});
    const { id } = await caller.submit(stand.on(`/held-${encodeURIComponent(name)}`, answer.handler));
    await answer.come;
    const poll = caller.get(`/api/jobs/${id}${query}`, headers);
    answer.go();
    expect(await jobIn(await poll)).toMatchObject({ id, status: 'completed' });
  });

  it('?wait that is over answers with the job as it is', async () => {
    const answer = held({});
    const { id } = await caller.submit(stand.on('/wait-over', answer.handler));
    await answer.come;
    expect(await jobIn(await caller.get(`/api/jobs/${id}?wait=1`))).toMatchObject({ status: 'in_progress' });
    answer.go();
    await caller.ended(id);
  });

  it.each(['-1', '1.5', 'soon', '1e3'])('?wait=%s is refused', async (wait) => {
    const { id } = await caller.submit(stand.on('/bad-wait', json({})));
    const response = await caller.get(`/api/jobs/${id}?wait=${wait}`);
    expect(response.status).toBe(400);
    expect((await errorIn(response)).param).toBe('wait');
  });

  it('as an event stream: the job at each change, until its end', async () => {
    const answer = held({});
    const { id } = await caller.submit(stand.on('/watched', answer.handler), { delay_s: 1 });
    const response = await caller.get(`/api/jobs/${id}`, { accept: 'text/event-stream' });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const events = new EventsOf(response);
    const [first] = await events.take(1);
    expect(JSON.parse(first?.data ?? '')).toMatchObject({ id, status: 'queued' });
    const [second] = await events.take(1);
    expect(JSON.parse(second?.data ?? '')).toMatchObject({ id, status: 'in_progress' });
    await events.heartbeats(2);
    answer.go();
    const rest = await events.rest();
    expect(rest.map((event) => JSON.parse(event.data).status)).toEqual(['completed']);
    const ids = [first, second, ...rest].map((event) => Number(event?.id));
    expect(ids).toEqual(ids.toSorted((one, other) => one - other));
  });

  it('as an event stream: a stream that grows is no change of the job', async () => {
    const answer = pushed();
    const { id } = await caller.submit(stand.on('/growing', answer.handler), { body: { stream: true } });
    await answer.come;
    await caller.until(id, (job) => job.status === 'in_progress');
    const events = new EventsOf(await caller.get(`/api/jobs/${id}`, { accept: 'text/event-stream' }));
    await events.take(1);
    for (let n = 0; n < 3; n++) {
      answer.push(`data: ${n}\n\n`);
      await events.heartbeats(events.comments + 1);
    }
    answer.end();
    expect((await events.rest()).map((event) => JSON.parse(event.data).status)).toEqual(['completed']);
  });

  it('as an event stream: who has seen the last change gets 204, who has not gets it', async () => {
    const { id } = await caller.submit(stand.on('/seen', json({})));
    await caller.ended(id);
    const accept = 'text/event-stream';
    const events = await eventsIn(await caller.get(`/api/jobs/${id}`, { accept }));
    expect(events.map((event) => JSON.parse(event.data).status)).toEqual(['completed']);
    const last = events.at(-1)?.id ?? '';
    const again = await caller.get(`/api/jobs/${id}`, { accept, 'last-event-id': last });
    expect(again.status).toBe(204);
    const earlier = await caller.get(`/api/jobs/${id}`, { accept, 'last-event-id': '1' });
    expect(await eventsIn(earlier)).toHaveLength(1);
  });

  it('as an event stream: a reader who leaves changes nothing', async () => {
    const answer = held({});
    const { id } = await caller.submit(stand.on('/left', answer.handler));
    await answer.come;
    const events = new EventsOf(await caller.get(`/api/jobs/${id}`, { accept: 'text/event-stream' }));
    await events.take(1);
    await events.leave();
    answer.go();
    expect(await caller.ended(id)).toMatchObject({ status: 'completed' });
  });
});
