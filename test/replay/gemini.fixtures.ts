import fc from 'fast-check';
import { isObject, type Json, type JsonObject, parseJson } from '../../lib/json.ts';
import type { ReplayEvent } from '../../lib/replay/format.ts';
import { geminiFormat } from '../../lib/replay/gemini.ts';

export const OPTIONS = { pieceLength: 10, includeUsage: false };

export const USAGE = {
  promptTokenCount: 9,
  candidatesTokenCount: 12,
  thoughtsTokenCount: 3,
  totalTokenCount: 24,
  promptTokensDetails: [{ modality: 'TEXT', tokenCount: 9 }],
};

export const HEAD = { responseId: 'r1', modelVersion: 'gemini-2.5-pro' };

export function candidateOf(parts: readonly JsonObject[], fields: JsonObject = {}): JsonObject {
  return { content: { parts: [...parts], role: 'model' }, finishReason: 'STOP', index: 0, ...fields };
}

export function responseOf(...candidates: JsonObject[]): JsonObject {
  return { candidates, usageMetadata: USAGE, ...HEAD };
}

export function replayed(response: JsonObject, options = OPTIONS): ReplayEvent[] {
  const events = geminiFormat.replay(response, options);
  if (!events) throw new Error('The response was not replayed.');
  return events;
}

export function framesOf(events: readonly ReplayEvent[]): JsonObject[] {
  return events.map(({ data }) => parseJson(data)).filter(isObject);
}

/** The candidates of each frame. */
export function candidatesOf(events: readonly ReplayEvent[]): JsonObject[][] {
  return framesOf(events).map(({ candidates }) => (Array.isArray(candidates) ? candidates.filter(isObject) : []));
}

/** The parts of the first candidate in each frame. */
export function partsOf(events: readonly ReplayEvent[]): (Json | undefined)[] {
  return candidatesOf(events).map(([candidate]) => {
    const content = candidate?.['content'];
    return isObject(content) ? content['parts'] : undefined;
  });
}

/**
 * What collecting a replay gives back: what is no candidate or no part left out, several candidates in the order of
 * their indexes and numbered so, and a text joined to the one before it, if that is of the same kind and has nothing else.
 */
export function normal(response: JsonObject): JsonObject {
  const { candidates } = response;
  if (!Array.isArray(candidates)) return response;
  const known = candidates
    .filter(isObject)
    .map((candidate) => ({ ...candidate, ...normalContent(candidate['content']) }));
  const place = ({ index }: JsonObject) => (typeof index === 'number' ? index : 0);
  const inOrder = known.toSorted((one, other) => place(one) - place(other));
  return { ...response, candidates: inOrder.length < 2 ? known : inOrder.map((one, index) => ({ ...one, index })) };
}

function normalContent(content: Json | undefined): JsonObject {
  if (!isObject(content) || !Array.isArray(content['parts'])) return {};
  const parts: JsonObject[] = [];
  for (const part of content['parts'].filter(isObject)) {
    const before = parts.at(-1);
    if (before && mayGoOn(before, part)) parts.splice(-1, 1, { ...part, text: `${before['text']}${part['text']}` });
    else parts.push(part);
  }
  return { content: { ...content, parts } };
}

function mayGoOn(before: JsonObject, part: JsonObject): boolean {
  const isText = ({ text, thought }: JsonObject) =>
    typeof text === 'string' && (thought === undefined || typeof thought === 'boolean');
  const { text: _, thought, ...others } = before;
  return isText(before) && isText(part) && thought === part['thought'] && Object.keys(others).length === 0;
}

export function asJson(value: unknown): JsonObject {
  const parsed = parseJson(JSON.stringify(value));
  if (!isObject(parsed)) throw new Error('This is no object.');
  return parsed;
}

export const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.string({
    unit: fc.oneof(fc.constantFrom('\ud800', '\r\n', '\u2028', ' ', '🇩🇪', '"'), fc.string({ unit: 'binary' })),
  }),
);
const name = fc.stringMatching(/^[a-z_]{1,20}$/);
const any = fc.jsonValue({ maxDepth: 3 });
/** Unknown fields get a name of their own, so that they do not overwrite the known ones. */
const extras = fc.dictionary(
  name.map((word) => `x_${word}`),
  any,
  { maxKeys: 2 },
);
const maybe = { requiredKeys: [] };

export const part: fc.Arbitrary<JsonObject> = fc
  .oneof(
    fc.record({ text }),
    fc.record({ text, thought: fc.boolean() }),
    fc.record({ text, thoughtSignature: name }),
    fc.record({ text, thought: fc.constant(true), thoughtSignature: name }),
    fc.record(
      { functionCall: fc.record({ name, id: name, args: extras }), thoughtSignature: name },
      { requiredKeys: ['functionCall'] },
    ),
    fc.record({ inlineData: fc.record({ mimeType: fc.constant('image/png'), data: fc.base64String() }) }),
    fc.record({ executableCode: fc.record({ language: fc.constant('PYTHON'), code: text }) }),
    fc.record({ codeExecutionResult: fc.record({ outcome: fc.constant('OUTCOME_OK'), output: text }) }),
    extras,
  )
  .map(asJson);

const candidate = fc
  .tuple(
    fc.record(
      {
        content: fc.oneof(
          fc.record({ parts: fc.array(part, { maxLength: 5 }), role: fc.constant('model') }),
          fc.constantFrom({}, { role: 'model' }),
        ),
        index: fc.nat(3),
        finishReason: fc.constantFrom('STOP', 'MAX_TOKENS', 'SAFETY'),
        safetyRatings: fc.array(fc.record({ category: name, probability: name }), { maxLength: 2 }),
        citationMetadata: extras,
        groundingMetadata: extras,
        avgLogprobs: fc.constant(-0.5),
        tokenCount: fc.nat(),
      },
      maybe,
    ),
    extras,
  )
  .map(([known, unknown]) => ({ ...unknown, ...known }));

/** Responses as Google stores them, with whatever the replay knows and some that it does not. */
export const anyResponse: fc.Arbitrary<JsonObject> = fc
  .tuple(
    fc.record(
      {
        candidates: fc.array(candidate, { maxLength: 3 }),
        usageMetadata: fc.constant(USAGE),
        promptFeedback: fc.record({ blockReason: name, safetyRatings: fc.constant([]) }, maybe),
        responseId: name,
        modelVersion: name,
        createTime: name,
      },
      { requiredKeys: ['usageMetadata'] },
    ),
    extras,
  )
  .map(([known, unknown]) => asJson({ ...unknown, ...known }));

/** Responses in which any field may be missing or of another type. */
export const oddResponse: fc.Arbitrary<JsonObject> = fc
  .record(
    {
      candidates: fc.array(
        fc.oneof(
          any,
          fc.record(
            {
              content: fc.oneof(
                any,
                fc.record(
                  {
                    parts: fc.oneof(any, fc.array(fc.oneof(any, part, fc.record({ text: any, thought: any }, maybe)))),
                    role: any,
                  },
                  maybe,
                ),
              ),
              index: any,
              finishReason: any,
            },
            maybe,
          ),
        ),
        { maxLength: 3 },
      ),
      usageMetadata: any,
      promptFeedback: any,
      responseId: any,
      modelVersion: any,
    },
    { requiredKeys: ['candidates'] },
  )
  .map(asJson);
