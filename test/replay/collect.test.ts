import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isObject, type Json, type JsonObject, parseJson } from '../../lib/json.ts';
import { type Collected, collectAs } from '../../lib/replay/collect.ts';
import type { ReplayEvent, StreamFormat } from '../../lib/replay/format.ts';
import { FORMATS } from '../../lib/replay/formats.ts';
import { anyCompletion } from './chat.fixtures.ts';
import { anyResponse as anyGemini } from './gemini.fixtures.ts';
import { plainMessage } from './messages.fixtures.ts';
import { anyResponse } from './responses.fixtures.ts';

const legacy = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).map(
  (text): JsonObject => ({
    ...{ id: 'cmpl-1', object: 'text_completion', created: 1, model: 'm' },
    choices: [{ index: 0, text, logprobs: null, finish_reason: 'stop' }],
  }),
);
const ANY: Readonly<Record<string, fc.Arbitrary<JsonObject>>> = {
  // Of several choices one may not have begun, and nothing tells that it was still to come.
  chat: anyCompletion.filter(({ choices }) => Array.isArray(choices) && choices.length < 2),
  completions: legacy,
  responses: anyResponse,
  messages: plainMessage,
  gemini: anyGemini,
};

const options = { pieceLength: 10, includeUsage: true };
const ERROR = { message: 'Too much', type: 'told_type', code: 'told_code', status: 429 };

describe.each(FORMATS.map((format) => [format.name, format] as const))('%s', (name, format) => {
  const any = ANY[name] ?? fc.constant({});
  const eventsOf = (completion: JsonObject) => format.replay(completion, options) ?? [];
  const each = (holds: (completion: JsonObject, events: ReplayEvent[]) => void) =>
    fc.assert(
      fc.property(any, (completion) => {
        const events = eventsOf(completion);
        // One that says why it ended, in events that say it too.
        fc.pre(collectAs(format, events).kind === 'completion');
        holds(completion, events);
      }),
      { numRuns: 200 },
    );

  it('a stream that ended spells its completion', () => {
    each((_completion, events) => {
      expect(told(collectAs(format, events))).toEqual({
        kind: 'completion',
        json: parseJson(JSON.stringify(format.collect(events))),
      });
    });
  });

  it('a stream that was broken off never passes for a whole one', () => {
    each((_completion, events) => {
      const whole = parseJson(JSON.stringify(format.collect(events)));
      for (let n = 0; n < events.length; n++) {
        const collected = told(collectAs(format, events.slice(0, n)));
        // What comes after the last reason for an end is the usage, where there is any.
        if (collected.kind === 'completion') expect(withoutUsage(collected.json)).toEqual(withoutUsage(whole));
        else expect(collected.kind).toMatch(/^(broken|foreign)$/);
      }
    });
  });

  it('an error after any event is told as the provider told it', () => {
    each((_completion, events) => {
      for (let n = 0; n < events.length; n++) {
        expect(told(collectAs(format, [...events.slice(0, n), format.error(ERROR)]))).toEqual({
          kind: 'failed',
          status: name === 'gemini' ? 429 : 502,
          json: expect.objectContaining({ error: expect.objectContaining({ message: 'Too much' }) }),
        });
      }
    });
  });

  it.each(FORMATS.filter((other) => other !== format).map((other) => [other.name, other] as const))(
    'a stream of %s is the text that it spells',
    (_name, other: StreamFormat) => {
      const events = other.replay(other.ofText('Some words, and 好的。'), options) ?? [];
      expect(told(collectAs(format, events))).toEqual({
        kind: 'completion',
        json: JSON.parse(JSON.stringify(format.ofText('Some words, and 好的。'))),
      });
    },
  );
});

it('another format’s calls of tools, which no text of it spells, are foreign', () => {
  const [chat] = FORMATS;
  const messages = FORMATS.find(({ name }) => name === 'messages');
  const calls = {
    ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'm', stop_reason: 'tool_use', stop_sequence: null },
    content: [{ type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: 1 } }],
    usage: { input_tokens: 1, output_tokens: 1 },
  };
  const events = messages?.replay(calls, options) ?? [];
  expect(events.length).toBeGreaterThan(3);
  expect(chat && collectAs(chat, events)).toEqual({ kind: 'foreign' });
});

it('events that spell nothing are foreign', () => {
  for (const format of FORMATS) {
    expect(collectAs(format, [{ data: 'hello' }, { data: '{"a":1}' }, { data: '[DONE]' }])).toEqual({
      kind: 'foreign',
    });
    expect(collectAs(format, [])).toEqual({ kind: 'foreign' });
  }
});

it('an error member that is null is none', () => {
  const chunk = { error: null, choices: [{ index: 0, delta: { content: 'x' }, finish_reason: 'stop' }] };
  const [chat] = FORMATS;
  if (chat === undefined) throw new Error('there is one');
  expect(collectAs(chat, [{ data: JSON.stringify(chunk) }])).toMatchObject({ kind: 'completion' });
});

/** With its JSON parsed. */
function told(collected: Collected) {
  return 'json' in collected ? { ...collected, json: parseJson(collected.json) } : collected;
}

function withoutUsage(completion: Json | undefined) {
  return isObject(completion) ? { ...completion, usage: null } : completion;
}
