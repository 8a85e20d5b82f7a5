import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isObject, type JsonObject } from '../../lib/json.ts';
import { chatFormat } from '../../lib/replay/chat.ts';
import { accumulate, anyCompletion, completionOf, OPTIONS, replayed, USAGE } from './chat.fixtures.ts';

function collected(...chunks: JsonObject[]): JsonObject | null {
  return chatFormat.collect([...chunks.map((chunk) => ({ data: JSON.stringify(chunk) })), { data: '[DONE]' }]);
}

function collectedMessage(...deltas: JsonObject[]) {
  const completion = collected(...deltas.map((delta) => ({ choices: [{ index: 0, delta }] })));
  const [choice] = Array.isArray(completion?.['choices']) ? completion['choices'] : [];
  return isObject(choice) ? choice['message'] : undefined;
}

/** `null` fields are left out by the client, and it makes an absent refusal and log probabilities `null`. */
function asClientSees({ usage, id, created, model, choices }: JsonObject) {
  return {
    ...(isObject(usage) && { usage }),
    id,
    created,
    model,
    choices: Array.isArray(choices) ? choices.filter(isObject).map(choiceAsClientSees) : [],
  };
}

function choiceAsClientSees({ index, finish_reason, logprobs = null, message }: JsonObject) {
  if (!isObject(message)) throw new Error('A choice has a message.');
  const { role, content, refusal, tool_calls, function_call, reasoning_content } = message;
  return {
    index,
    finish_reason,
    logprobs,
    message: {
      role,
      content,
      refusal: refusal === '' || refusal === undefined ? null : refusal,
      ...(isObject(function_call) && { function_call }),
      ...(!function_call && Array.isArray(tool_calls) && { tool_calls }),
      ...(!function_call && reasoning_content !== undefined && { reasoning_content }),
    },
  };
}

describe('a replay accumulates to the stored completion', () => {
  test('by collecting it', () => {
    const sizes = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(anyCompletion, sizes, (completion, pieceLength) => {
        expect(chatFormat.collect(replayed(completion, { pieceLength, includeUsage: true }))).toStrictEqual(completion);
      }),
      { numRuns: 500 },
    );
  });

  test('in the official client', async () => {
    const withChoices = anyCompletion.filter(({ choices }) => Array.isArray(choices) && choices.length > 0);
    await fc.assert(
      fc.asyncProperty(withChoices, async (completion) => {
        expect(await accumulate(replayed(completion))).toMatchObject(asClientSees(completion));
      }),
      { numRuns: 200 },
    );
  });

  test('without usage for who did not ask for it', () => {
    const { usage, ...rest } = completionOf({ content: 'Hi' });
    expect(usage).toEqual(USAGE);
    expect(chatFormat.collect(replayed({ usage, ...rest }, { ...OPTIONS, includeUsage: false }))).toEqual(rest);
  });
});

describe('collecting copes with', () => {
  test('roles, names and ids that are repeated or emptied', () => {
    const call = { index: 0, id: 'call_a', type: 'function' };
    expect(
      collectedMessage(
        { role: 'assistant', content: 'Hel' },
        { role: 'assistant', content: 'lo', tool_calls: [{ ...call, function: { name: 'f', arguments: '{' } }] },
        { role: null, content: null, tool_calls: [{ ...call, id: '', function: { name: '', arguments: '}' } }] },
      ),
    ).toEqual({
      role: 'assistant',
      content: 'Hello',
      tool_calls: [{ ...CALL_F, function: { name: 'f', arguments: '{}' } }],
    });
  });

  test('tool calls without index: by id, by name, else the last one', () => {
    expect(
      collectedMessage(
        { tool_calls: [{ id: 'call_a', function: { name: 'f', arguments: '1' } }] },
        { tool_calls: [{ id: 'call_b', function: { name: 'f', arguments: '2' } }, { function: { arguments: '3' } }] },
        { tool_calls: [{ id: 'call_a', function: { arguments: '4' } }, { function: { name: 'g', arguments: '5' } }] },
      ),
    ).toMatchObject({
      tool_calls: [
        { id: 'call_a', type: 'function', function: { name: 'f', arguments: '14' } },
        { id: 'call_b', type: 'function', function: { name: 'f', arguments: '23' } },
        { type: 'function', function: { name: 'g', arguments: '5' } },
      ],
    });
  });

  test('choices without index, out of order or interleaved', () => {
    const chunk = (index: number, content: string) => ({ choices: [{ index, delta: { content } }] });
    const message = (content: string) => ({ message: { role: 'assistant', content } });
    expect(
      collected(chunk(1, 'a'), chunk(0, 'b'), chunk(1, 'c'), { choices: [{ delta: { content: 'd' } }] }),
    ).toMatchObject({
      choices: [
        { index: 0, ...message('bd') },
        { index: 1, ...message('ac') },
      ],
    });
  });

  test('usage on the last choice, repeated, or never more than null', () => {
    const end = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] };
    expect(
      collected({ ...end, usage: { total_tokens: 1 } }, { ...end, usage: USAGE }, { ...end, usage: null }),
    ).toMatchObject({ usage: USAGE });
    expect(collected({ ...end, usage: null })).not.toHaveProperty('usage');
  });

  test('an empty first chunk, and citations repeated in each', () => {
    const [choices, citations] = [[], ['a', 'b']];
    expect(
      collected(
        { id: '', model: '', created: 0, choices },
        { id: 'x', model: 'm', created: 5, choices, citations },
        { id: 'x', choices, citations },
      ),
    ).toEqual({
      id: 'x',
      model: 'm',
      created: 5,
      object: 'chat.completion',
      choices: [],
      citations,
    });
  });

  test('audio and reasoning in fragments', () => {
    expect(
      collectedMessage(
        { reasoning: 'Hm', audio: { id: 'a', data: 'AA' } },
        { reasoning: 'm.', audio: { data: 'BB', transcript: 'Hi' } },
        { audio: { transcript: '!', expires_at: 9 } },
      ),
    ).toMatchObject({ reasoning: 'Hmm.', audio: { id: 'a', data: 'AABB', transcript: 'Hi!', expires_at: 9 } });
  });
});

const CALL_F = { id: 'call_a', type: 'function' };

describe('there is no completion', () => {
  test('without a chunk', () => {
    expect(chatFormat.collect([])).toBeNull();
    expect(chatFormat.collect([{ data: '[DONE]' }, { data: 'not JSON' }, { data: '[]' }])).toBeNull();
  });

  test('when the stream failed on the way', () => {
    const [opening, ...rest] = replayed(completionOf({ content: 'Hi' }));
    const failure = chatFormat.error({ message: 'No', type: 'server_error', code: null, status: 500 });
    expect(opening && chatFormat.collect([opening, failure, ...rest])).toBeNull();
  });
});
