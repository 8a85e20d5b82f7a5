import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isObject, type JsonObject } from '../../lib/json.ts';
import { responsesFormat } from '../../lib/replay/responses.ts';
import { anyMangled } from './mangled.ts';
import {
  anyResponse,
  ITEMS,
  OPTIONS,
  replayed,
  responseOf,
  TEXT_PART,
  told,
  typesOf,
  UNKNOWN,
  USAGE,
} from './responses.fixtures.ts';

const OPENING = { status: 'in_progress', output: [], usage: null, error: null, incomplete_details: null };

/** The events of one item, without those of the response around it. */
function itemTold(item: JsonObject): JsonObject[] {
  return told(replayed(responseOf([item]))).slice(2, -1);
}

/** Whether an event tells only how far a tool has come that the provider runs. */
function isProgress({ type }: JsonObject): boolean {
  return /\.\w+_(call|tools)\.\w+$/.test(String(type));
}

describe('a replay of a response', () => {
  test('is created, in progress, then its items, then the whole response', () => {
    const stored = responseOf([UNKNOWN]);
    const opening = { ...stored, ...OPENING };
    const events = replayed(stored);
    expect(told(events)).toEqual([
      { type: 'response.created', sequence_number: 0, response: opening },
      { type: 'response.in_progress', sequence_number: 1, response: opening },
      {
        type: 'response.output_item.added',
        sequence_number: 2,
        output_index: 0,
        item: { ...UNKNOWN, status: 'in_progress' },
      },
      { type: 'response.output_item.done', sequence_number: 3, output_index: 0, item: UNKNOWN },
      { type: 'response.completed', sequence_number: 4, response: stored },
    ]);
    expect(events.map(({ event }) => event)).toEqual(typesOf(events));
  });

  test('numbers items, and events, without a gap', () => {
    fc.assert(
      fc.property(anyResponse, (stored) => {
        const events = told(replayed(stored));
        expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
        const added = events.filter(({ type }) => type === 'response.output_item.added');
        expect(added.map(({ output_index }) => output_index)).toEqual(added.map((_, index) => index));
      }),
    );
  });

  test.each([
    ['completed', 'response.completed'],
    ['incomplete', 'response.incomplete'],
    ['failed', 'response.failed'],
    ['cancelled', 'response.failed'],
    ['queued', 'response.queued'],
    ['in_progress', 'response.in_progress'],
    [undefined, 'response.completed'],
  ])('that is %s ends with %s, the response in it as stored', (status, type) => {
    const stored = responseOf([], { status, error: { code: 'server_error', message: 'No' } });
    expect(told(replayed(stored)).at(-1)).toMatchObject({ type, response: JSON.parse(JSON.stringify(stored)) });
  });

  test('is null without a list of output items', () => {
    for (const stored of [{}, { output: null }, { choices: [] }, { output: [1] }, { output: [{ id: 'a' }] }])
      expect(responsesFormat.replay(stored, OPTIONS)).toBeNull();
  });

  test('is the same every time, and has what clients demand also where it was left out', () => {
    const bare = { output: [{ type: 'message', content: [] }] };
    expect(replayed(bare)).toEqual(replayed(structuredClone(bare)));
    expect(told(replayed(bare)).at(-1)).toMatchObject({
      response: { id: 'resp_unknown', object: 'response', created_at: 0, model: 'unknown', output: [{ id: 'item_0' }] },
    });
  });
});

describe('an item is told', () => {
  test('as text with its tokens and annotations', () => {
    const [first, second, third, fourth] = TEXT_PART.logprobs;
    const at = { item_id: 'msg_1', output_index: 0, content_index: 0 };
    const item = { ...ITEMS.message, content: [TEXT_PART] };
    expect(itemTold(item)).toMatchObject([
      { type: 'response.output_item.added', item: { id: 'msg_1', status: 'in_progress', content: [] } },
      { type: 'response.content_part.added', ...at, part: { text: '', annotations: [], logprobs: [] } },
      { type: 'response.output_text.delta', ...at, delta: 'One two ', logprobs: [first, second] },
      { type: 'response.output_text.delta', ...at, delta: 'three four.', logprobs: [third, fourth] },
      { type: 'response.output_text.annotation.added', ...at, annotation_index: 0, annotation: { title: 'One' } },
      { type: 'response.output_text.done', ...at, text: TEXT_PART.text, logprobs: TEXT_PART.logprobs },
      { type: 'response.content_part.done', ...at, part: TEXT_PART },
      { type: 'response.output_item.done', item },
    ]);
  });

  test('as a refusal', () => {
    expect(itemTold(ITEMS.refusal)).toMatchObject([
      { type: 'response.output_item.added' },
      { type: 'response.content_part.added', part: { type: 'refusal', refusal: '' } },
      { type: 'response.refusal.delta', delta: 'I will not ' },
      { type: 'response.refusal.delta', delta: 'help with that.' },
      { type: 'response.refusal.done', refusal: 'I will not help with that.' },
      { type: 'response.content_part.done' },
      { type: 'response.output_item.done', item: ITEMS.refusal },
    ]);
  });

  test('as thoughts: the summary part by part, then the text', () => {
    const events = itemTold(ITEMS.reasoning);
    expect(events[0]).toMatchObject({ item: { id: 'rs_1', summary: [], content: [], encrypted_content: 'gAAAAAB' } });
    expect(events[0]?.['item']).not.toHaveProperty('status');
    const ends = events.filter(({ type }) => typeof type === 'string' && !type.endsWith('.delta'));
    expect(ends.slice(1)).toMatchObject([
      { type: 'response.reasoning_summary_part.added', summary_index: 0, part: { type: 'summary_text', text: '' } },
      { type: 'response.reasoning_summary_text.done', summary_index: 0, text: '**First** I think about it.' },
      { type: 'response.reasoning_summary_part.done', summary_index: 0, part: ITEMS.reasoning.summary[0] },
      { type: 'response.reasoning_summary_part.added', summary_index: 1 },
      { type: 'response.reasoning_summary_text.done', summary_index: 1 },
      { type: 'response.reasoning_summary_part.done', summary_index: 1 },
      { type: 'response.content_part.added', content_index: 0, part: { type: 'reasoning_text', text: '' } },
      { type: 'response.reasoning_text.done', content_index: 0, text: 'Raw thoughts, at length.' },
      { type: 'response.content_part.done', content_index: 0 },
      { type: 'response.output_item.done', item: ITEMS.reasoning },
    ]);
  });

  test.each([
    ['call', 'response.function_call_arguments', 'arguments'],
    ['custom', 'response.custom_tool_call_input', 'input'],
    ['mcp', 'response.mcp_call_arguments', 'arguments'],
    ['code', 'response.code_interpreter_call_code', 'code'],
  ] as const)('as a %s in pieces', (kind, event, field) => {
    const item: JsonObject = ITEMS[kind];
    const place = { item_id: item['id'], output_index: 0 };
    const [added, ...rest] = itemTold(item).filter((event) => !isProgress(event));
    const [itemDone, textDone, ...deltas] = rest.reverse();
    expect(added).toMatchObject({ item: { ...item, [field]: '', status: 'in_progress' } });
    expect(deltas.length).toBeGreaterThan(1);
    for (const delta of deltas) expect(delta).toMatchObject({ type: `${event}.delta`, ...place });
    expect(
      deltas
        .map(({ delta }) => delta)
        .reverse()
        .join(''),
    ).toBe(item[field]);
    expect(textDone).toMatchObject({ type: `${event}.done`, ...place, [field]: item[field] });
    expect(itemDone).toMatchObject({ type: 'response.output_item.done', item });
  });

  test('whole, where it is of a kind that has no text or is not known', () => {
    for (const item of [ITEMS.search, ITEMS.files, UNKNOWN])
      expect(itemTold(item).filter((event) => !isProgress(event))).toMatchObject([
        { type: 'response.output_item.added', item: { ...item, status: 'in_progress' } },
        { type: 'response.output_item.done', item },
      ]);
    const [added, ...rest] = itemTold(ITEMS.image);
    expect([added, rest.at(-1)]).toMatchObject([{ item: { result: null } }, { item: ITEMS.image }]);
  });

  const text = ['delta', 'done'];
  test.each([
    ['search', ['in_progress', 'searching', 'completed']],
    ['files', ['in_progress', 'searching', 'completed']],
    ['image', ['in_progress', 'generating', 'completed']],
    ['code', ['in_progress', ...text, 'interpreting', 'completed']],
    ['mcp', ['in_progress', ...text, 'completed']],
    ['tools', ['in_progress', 'completed']],
    ['call', text],
  ] as const)('with its progress, if it is of a tool that the provider runs: %s', (kind, states) => {
    const item: JsonObject = ITEMS[kind];
    const told = itemTold(item).slice(1, -1);
    for (const event of told) expect(event).toMatchObject({ item_id: item['id'], output_index: 0 });
    expect([...new Set(told.map(({ type }) => String(type).split('.').at(-1)))]).toEqual(states);
    const progress = told.filter(isProgress).map(({ type }) => String(type).split('.').at(-2));
    expect(new Set(progress)).toEqual(new Set(progress.length > 0 ? [item['type']] : []));
  });

  test.each([
    ['mcp', { status: 'failed', error: 'No' }, 'failed'],
    ['mcp', { status: undefined, error: 'No' }, 'failed'],
    ['tools', { error: 'No' }, 'failed'],
    ['search', { status: 'failed' }, 'searching'],
    ['code', { status: 'incomplete' }, 'in_progress'],
    ['image', { status: undefined }, 'completed'],
  ] as const)('with no other end than it had: %s %o', (kind, fields, last) => {
    const progress = itemTold({ ...ITEMS[kind], ...fields }).filter(isProgress);
    expect(progress.at(-1)).toMatchObject({ type: `response.${ITEMS[kind].type}.${last}` });
  });
});

describe('collecting a stream of a response', () => {
  const sizes = fc.integer({ min: 1, max: 60 });

  test('gives what was replayed, whatever the size of its pieces', () => {
    fc.assert(
      fc.property(anyResponse, sizes, (response, pieceLength) => {
        const events = replayed(response, { pieceLength, includeUsage: false });
        expect(responsesFormat.collect(events)).toStrictEqual(response);
      }),
      { numRuns: 500 },
    );
  });

  test('that broke off before its last event gives the items that it spelt till then', () => {
    fc.assert(
      fc.property(anyResponse, sizes, (response, pieceLength) => {
        const events = replayed(response, { pieceLength, includeUsage: false }).slice(0, -1);
        expect(responsesFormat.collect(events)).toStrictEqual({ ...response, ...OPENING, output: response['output'] });
      }),
      { numRuns: 200 },
    );
  });

  test('that broke off within its items gives their texts from the deltas', () => {
    const stored = responseOf(Object.values(ITEMS));
    const events = replayed(stored).filter(({ event }) => event && !/\.done$|completed$/.test(event));
    const working: Record<string, string> = {
      web_search_call: 'searching',
      file_search_call: 'searching',
      image_generation_call: 'generating',
      code_interpreter_call: 'interpreting',
    };
    const started = Object.values(ITEMS).map((item) => ({
      ...item,
      ...('status' in item && { status: working[item.type] ?? 'in_progress' }),
    }));
    expect(responsesFormat.collect(events)).toEqual({
      ...stored,
      ...OPENING,
      output: started.map((item) => (item.type === 'image_generation_call' ? { ...item, result: null } : item)),
    });
  });

  test('keeps the items of a stream whose last event has none, and those of a last event that has some', () => {
    const events = replayed(responseOf([ITEMS.message]));
    const last = (output: JsonObject[] | undefined) => {
      const response = { ...responseOf([]), output };
      return { event: 'response.completed', data: JSON.stringify({ type: 'response.completed', response }) };
    };
    for (const output of [[], undefined])
      expect(responsesFormat.collect([...events.slice(0, -1), last(output)])).toEqual(responseOf([ITEMS.message]));
    expect(responsesFormat.collect([...events.slice(0, -1), last([ITEMS.call])])).toEqual(responseOf([ITEMS.call]));
  });

  test('goes by the name of an event that tells no type', () => {
    const events = replayed(responseOf([ITEMS.message])).map(({ event = '', data }) => {
      const { type: _, ...fields } = JSON.parse(data);
      return { event, data: JSON.stringify(fields) };
    });
    expect(responsesFormat.collect(events)).toEqual(responseOf([ITEMS.message]));
  });

  test('gives a failed response where that is what the stream told', () => {
    const failed = responseOf([], { status: 'failed', error: { code: 'server_error', message: 'No' }, usage: USAGE });
    expect(responsesFormat.collect(replayed(failed))).toEqual(failed);
  });

  test('gives nothing without a response, and nothing of a stream that ended in an error', () => {
    expect(responsesFormat.collect([])).toBeNull();
    expect(
      responsesFormat.collect([{ data: '[DONE]' }, { data: '[]' }, { event: 'response.created', data: '{}' }]),
    ).toBeNull();
    const failure = responsesFormat.error({ message: 'No', type: 'server_error', code: null, status: 500 });
    expect(responsesFormat.collect([...replayed(responseOf([ITEMS.message])).slice(0, 5), failure])).toBeNull();
  });
});

test('nothing that is stored or streamed makes it throw', () => {
  fc.assert(
    fc.property(anyMangled(anyResponse), (stored) => {
      const events = responsesFormat.replay(stored, OPTIONS) ?? [];
      expect(events.every(({ data }) => typeof data === 'string')).toBe(true);
    }),
    { numRuns: 1000 },
  );
  const streams = anyResponse.map((response): JsonObject => ({ events: told(replayed(response)) }));
  fc.assert(
    fc.property(anyMangled(streams), ({ events }) => {
      const list = Array.isArray(events) ? events.map((event) => ({ data: JSON.stringify(event) })) : [];
      const response = responsesFormat.collect(list);
      expect(response === null || isObject(response)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});
