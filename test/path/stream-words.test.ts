import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frame } from '../../lib/http/sse.ts';
import { isObject, type JsonObject, parseJson } from '../../lib/json.ts';
import { hang, json, pushed } from '../harness/answers.ts';
import type { Caller, JobView } from '../harness/client.ts';
import { compositions } from '../harness/compositions.ts';
import { EventsOf, eventsIn, type SseEvent } from '../harness/events.ts';
import { CALLS, formatAt } from '../harness/format-calls.ts';
import { type Stand, startStand } from '../harness/stand.ts';

/** An answer that a provider has held back, cut short or refused, and an event by which its clients are told of that. */
interface Withheld {
  readonly answer: JsonObject;
  readonly told: { readonly event?: string; readonly data: JsonObject };
}

const ids = { id: 'id_1', model: 'm' };

/** By format and by what has happened. */
const WITHHELD: Record<string, Record<string, Withheld>> = {
  chat: {
    'held back by a content filter': chatEnding({ content: null, refusal: null }, 'content_filter'),
    'cut short by a content filter': chatEnding({ content: 'So', refusal: null }, 'content_filter'),
    refused: chatEnding({ content: null, refusal: 'No.' }, 'stop'),
    'cut at its length': chatEnding({ content: 'So', refusal: null }, 'length'),
  },
  completions: {
    'held back by a content filter': textEnding('', 'content_filter'),
    'cut at its length': textEnding('So', 'length'),
  },
  responses: {
    'held back by a content filter': responseEnding('incomplete', { incomplete_details: { reason: 'content_filter' } }),
    'cut at its length': responseEnding('incomplete', { incomplete_details: { reason: 'max_output_tokens' } }, [
      { type: 'output_text', text: 'So', annotations: [] },
    ]),
    refused: responseEnding('completed', {}, [{ type: 'refusal', refusal: 'No.' }]),
    failed: responseEnding('failed', { error: { code: 'server_error', message: 'told' } }),
  },
  messages: {
    refused: messageEnding([], 'refusal', { stop_details: { type: 'refusal', category: 'cyber' } }),
    'cut short by a refusal': messageEnding([{ type: 'text', text: 'So' }], 'refusal'),
    'cut at its length': messageEnding([{ type: 'text', text: 'So' }], 'max_tokens'),
  },
  gemini: {
    'blocked at its prompt': frameAlone({ promptFeedback: { blockReason: 'SAFETY', safetyRatings: [] } }),
    'blocked at its prompt, with an empty list': frameAlone({
      candidates: [],
      promptFeedback: { blockReason: 'PROHIBITED_CONTENT' },
    }),
    'held back by a content filter': frameAlone({ candidates: [{ index: 0, finishReason: 'SAFETY' }] }),
    'cut short by a content filter': frameAlone({
      candidates: [{ index: 0, content: { role: 'model', parts: [{ text: 'So' }] }, finishReason: 'RECITATION' }],
    }),
  },
};

function chatEnding(message: JsonObject, finish_reason: string): Withheld {
  const choice = { index: 0, logprobs: null, finish_reason };
  return {
    answer: {
      ...{ ...ids, object: 'chat.completion', created: 1 },
      choices: [{ ...choice, message: { role: 'assistant', ...message } }],
    },
    told: { data: { choices: [{ ...choice, delta: {} }] } },
  };
}

function textEnding(text: string, finish_reason: string): Withheld {
  const choice = { index: 0, logprobs: null, finish_reason };
  return {
    answer: { ...ids, object: 'text_completion', created: 1, choices: [{ ...choice, text }] },
    told: { data: { choices: [{ ...choice, text: '' }] } },
  };
}

function responseEnding(status: string, fields: JsonObject, content?: JsonObject[]): Withheld {
  const item = { id: 'msg_1', type: 'message', role: 'assistant', status: 'completed' };
  const output = content === undefined ? [] : [{ ...item, content }];
  const answer = { ...ids, object: 'response', created_at: 1, status, ...fields, output };
  return { answer, told: { event: `response.${status}`, data: { response: { status, ...fields } } } };
}

function messageEnding(content: JsonObject[], stop_reason: string, fields: JsonObject = {}): Withheld {
  const ending = { stop_reason, stop_sequence: null, ...fields };
  const usage = { input_tokens: 3, output_tokens: 1 };
  return {
    answer: { ...ids, type: 'message', role: 'assistant', content, ...ending, usage },
    told: { event: 'message_delta', data: { delta: ending, usage } },
  };
}

function frameAlone(fields: JsonObject): Withheld {
  const frame = { ...fields, usageMetadata: { promptTokenCount: 3 }, modelVersion: 'm', responseId: 'r' };
  return { answer: frame, told: { data: frame } };
}

/** The format's own error, as its clients read it, of a failure with this code. */
const ERRORS: Record<string, (code: string) => { event: string | null; data: unknown }> = {
  chat: openaiError,
  completions: openaiError,
  responses: (code) => ({
    event: 'error',
    data: { type: 'error', code, message: expect.any(String), error: { code, message: expect.any(String) } },
  }),
  // Clients tell by the type, which is one of Anthropic's.
  messages: (code) => ({
    event: 'error',
    data: {
      type: 'error',
      error: {
        type: code === 'job_cancelled' ? 'invalid_request_error' : 'timeout_error',
        code,
        message: expect.any(String),
      },
    },
  }),
  // A number of an HTTP error, without which Google's client takes the frame for an answer.
  gemini: (reason) => ({
    event: null,
    data: {
      error: {
        code: reason === 'job_cancelled' ? 499 : 504,
        message: expect.any(String),
        status: reason === 'job_cancelled' ? 'CANCELLED' : 'DEADLINE_EXCEEDED',
        reason,
      },
    },
  }),
};

function openaiError(code: string) {
  const error = { message: expect.any(String), type: expect.any(String), param: null, code };
  return { event: null, data: { error } };
}

const formats = Object.keys(CALLS);

function errorOf(name: string, code: string) {
  const error = ERRORS[name];
  if (error === undefined) throw new Error('no such format');
  return error(code);
}

function callOf(name: string) {
  const call = CALLS[name];
  if (call === undefined) throw new Error('no such format');
  const format = formatAt(call.path);
  const [first, second] = format.replay(call.answer, { pieceLength: 8, includeUsage: false }) ?? [];
  if (first === undefined || second === undefined) throw new Error('too short an answer');
  const query = name === 'gemini' ? '?alt=sse' : '';
  return { ...call, format, query, first: frame(first, null), second: frame(second, null) };
}

describe.each(compositions)('in the words of each format: $name', ({ start }) => {
  let stand: Stand;
  let caller: Caller;
  beforeAll(async () => {
    stand = await startStand(start, { env: { CHUNK_DELAY_MS: '0', HEARTBEAT_INTERVAL_MS: '50' } });
    caller = stand.caller('sk-words');
  });
  afterAll(() => stand.stop());

  /** Without heartbeats, whose number depends on the clock. */
  const told = (events: readonly SseEvent[]) =>
    events.filter(({ event }) => event !== 'ping').map(({ event, data }) => ({ event, data: parseJson(data) ?? data }));
  const streamOf = ({ id }: JobView) => caller.get(`/api/jobs/${id}/stream`);

  describe.each(
    Object.entries(WITHHELD).flatMap(([name, cases]) =>
      Object.entries(cases).map(([what, withheld]) => ({ name, what, ...withheld })),
    ),
  )('$name: $what', ({ name, what, answer, told: { event, data } }) => {
    it('is a stream that says so, and spells the answer', async () => {
      const { path, format } = callOf(name);
      const job = await caller.submit(stand.on(`/${what.replaceAll(/\W+/g, '-')}${path}`, json(answer)));
      expect(await caller.ended(job.id)).toMatchObject({ status: 'completed' });
      const events = await eventsIn(await streamOf(job));
      const saying = told(events).filter(
        (one) => one.event === (event ?? null) && isObject(one.data) && saysMore(one.data, name),
      );
      expect(saying).toHaveLength(1);
      expect(saying[0]?.data).toMatchObject(data);
      const spelled = format.collect(events.map((one) => ({ data: one.data, ...(one.event && { event: one.event }) })));
      expect(spelled).toEqual(answer);
    });
  });

  /** The one event of its name that tells how the answer ended. */
  function saysMore({ choices }: JsonObject, name: string): boolean {
    if (name !== 'chat' && name !== 'completions') return true;
    const [choice] = Array.isArray(choices) ? choices : [];
    return isObject(choice) && choice['finish_reason'] !== null;
  }

  describe('a job that is cancelled', () => {
    it.concurrent.each(formats)('while it waits: %s', async (name) => {
      const { path } = callOf(name);
      const job = await caller.submit(`/waits${path}`, { delay_s: 100 });
      const reading = eventsIn(await streamOf(job));
      await caller.post(`/api/jobs/${job.id}/cancel`);
      for (const events of [await reading, await eventsIn(await streamOf(job))]) {
        expect(told(events)).toMatchObject([errorOf(name, 'job_cancelled')]);
      }
    });

    // At a time, as the worker takes its while to notice.
    it.concurrent.each(formats)('while its answer comes: %s', async (name) => {
      const { streamed, query, ask, first, second } = callOf(name);
      const answer = pushed();
      const job = await caller.submit(`${stand.on(`/comes${streamed}`, answer.handler)}${query}`, { body: ask });
      await answer.come;
      answer.push(first);
      const reader = new EventsOf(await streamOf(job));
      const come: SseEvent[] = [];
      while (told(come).length === 0) come.push(...(await reader.take(1)));
      expect(first).toContain(come.at(-1)?.data);
      await caller.post(`/api/jobs/${job.id}/cancel`);
      answer.push(second);
      const rest = told(await reader.rest());
      expect(rest.at(-1)).toMatchObject(errorOf(name, 'job_cancelled'));
      expect(told(await eventsIn(await streamOf(job))).at(-1)).toEqual(rest.at(-1));
    });
  });

  describe('a job whose time is over', () => {
    const jobs = new Map<string, { silent: JobView; halfway: JobView }>();
    beforeAll(async () => {
      // All at once, as each takes its second.
      for (const name of formats) {
        const { path, streamed, query, ask, first } = callOf(name);
        const silent = await caller.submit(stand.on(`/silent${path}`, hang), { timeout_s: 1 });
        const halfway = stand.on(`/halfway${streamed}`, (_request, response) => {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).write(first);
        });
        jobs.set(name, {
          silent,
          halfway: await caller.submit(`${halfway}${query}`, { body: ask, timeout_s: 1 }),
        });
      }
    });
    const jobOf = (name: string, which: 'silent' | 'halfway') => {
      const job = jobs.get(name)?.[which];
      if (job === undefined) throw new Error('it has been submitted');
      return job;
    };

    it.each(formats)('before its answer comes: %s', async (name) => {
      const job = jobOf(name, 'silent');
      expect(told(await eventsIn(await streamOf(job)))).toMatchObject([errorOf(name, 'upstream_timeout')]);
      expect(await caller.ended(job.id)).toMatchObject({ status: 'failed', error: { code: 'upstream_timeout' } });
    });

    it.each(formats)('while its answer comes: %s', async (name) => {
      const { first } = callOf(name);
      const job = jobOf(name, 'halfway');
      const events = told(await eventsIn(await streamOf(job)));
      expect(events).toHaveLength(2);
      expect(first).toContain(JSON.stringify(events[0]?.data));
      expect(events[1]).toMatchObject(errorOf(name, 'upstream_total_timeout'));
      expect(await caller.ended(job.id)).toMatchObject({ status: 'failed', error: { code: 'upstream_total_timeout' } });
    });
  });
});
