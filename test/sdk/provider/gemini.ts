import type { JsonObject } from '../../../lib/json.ts';
import { CALLS, REFUSAL_TOKENS, TEXT_TOKENS, THOUGHT_TOKENS } from './texts.ts';
import type { Told } from './told.ts';

const HEAD = { modelVersion: 'gemini-2.5-flash', responseId: 'bGVrZ2Nvb2tpZXMtYXJlLWdvb2Q' };
const PROMPT = { promptTokenCount: 21, promptTokensDetails: [{ modality: 'TEXT', tokenCount: 21 }] };
const USAGE = {
  ...PROMPT,
  candidatesTokenCount: 91,
  totalTokenCount: 127,
  thoughtsTokenCount: 15,
  cachedContentTokenCount: 8,
};
const SIGNATURE = 'CpcBAdHtim9Wn0mqkHRRVZjAW4bqHZLxSwLhU6m2rKPPNqVzmSbyx4dk8Q==';
const RATINGS = [
  { category: 'HARM_CATEGORY_HARASSMENT', probability: 'NEGLIGIBLE' },
  { category: 'HARM_CATEGORY_DANGEROUS_CONTENT', probability: 'LOW', blocked: false },
];

/** CRLF, as Google's servers write it. */
const frame = (value: JsonObject) => `data: ${JSON.stringify(value)}\r\n\r\n`;

/** One candidate: its parts whole, its parts as they come, and what is told with the last of them. */
type Candidate = readonly [whole: JsonObject[], parts: readonly JsonObject[][], end: JsonObject];

function told(candidates: readonly Candidate[]): Told {
  const contents = (parts: JsonObject[]) => ({ content: { parts, role: 'model' } });
  const rounds = Math.max(...candidates.map(([, parts]) => parts.length));
  return {
    whole: {
      candidates: candidates.map(([parts, , end], index) => ({ ...contents(parts), ...end, index })),
      usageMetadata: USAGE,
      ...HEAD,
    },
    frames: () =>
      Array.from({ length: rounds }, (_, round) =>
        frame({
          candidates: candidates.map(([, parts, end], index) => ({
            ...contents(parts[round] ?? []),
            ...(round === rounds - 1 && end),
            index,
          })),
          usageMetadata: round === rounds - 1 ? USAGE : { ...PROMPT, totalTokenCount: 21 + round },
          ...HEAD,
        }),
      ),
  };
}

/** Google's frames hold a sentence or two, not a token. */
function several(list: readonly string[], size: number): string[] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, at) =>
    list.slice(at * size, (at + 1) * size).join(''),
  );
}
const texts = (list: readonly string[], fields: JsonObject = {}) => list.map((text) => [{ text, ...fields }]);

const CALL_PARTS = CALLS.map(([name, args], index) => ({
  functionCall: { id: `call_${index}`, name, args },
  // Only the first of several calls is signed.
  ...(index === 0 && { thoughtSignature: SIGNATURE }),
}));

const CODE = { executableCode: { language: 'PYTHON', code: 'print("Größe", 1 + 2)  # 草\n' } };
const PRINTED = { codeExecutionResult: { outcome: 'OUTCOME_OK', output: 'Größe 3\n' } };
const IMAGE = { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ' } };
const GROUNDS = {
  groundingMetadata: {
    webSearchQueries: ['Wetter München'],
    searchEntryPoint: { renderedContent: '<div>Wetter</div>' },
    groundingChunks: [{ web: { uri: 'https://example.com/wetter', title: 'Wetter — 天気 ☀️' } }],
    groundingSupports: [{ segment: { startIndex: 0, endIndex: 9, text: 'It is cold' }, groundingChunkIndices: [0] }],
  },
  citationMetadata: { citationSources: [{ startIndex: 0, endIndex: 9, uri: 'https://example.com/wetter' }] },
};

/** Google's `generateContent`. */
export const gemini: Record<string, Told> = {
  text: told([
    [
      [{ text: TEXT_TOKENS.join('') }],
      texts(several(TEXT_TOKENS, 11)),
      { finishReason: 'STOP', safetyRatings: RATINGS, avgLogprobs: -0.25 },
    ],
  ]),
  thoughts: told([
    [
      [
        { text: THOUGHT_TOKENS.join(''), thought: true },
        { text: TEXT_TOKENS.join(''), thoughtSignature: SIGNATURE },
      ],
      [
        ...texts(several(THOUGHT_TOKENS, 6), { thought: true }),
        ...texts(several(TEXT_TOKENS.slice(0, -2), 17)),
        [{ text: TEXT_TOKENS.slice(-2).join(''), thoughtSignature: SIGNATURE }],
      ],
      { finishReason: 'MAX_TOKENS' },
    ],
  ]),
  refusal: told([
    [
      [{ text: REFUSAL_TOKENS.join('') }],
      texts(several(REFUSAL_TOKENS, 4)),
      { finishReason: 'SAFETY', safetyRatings: RATINGS },
    ],
  ]),
  tools: told([
    [
      [{ text: 'Let me look. 👀' }, ...CALL_PARTS],
      [[{ text: 'Let me' }], [{ text: ' look. 👀' }], CALL_PARTS.slice(0, 1), CALL_PARTS.slice(1)],
      { finishReason: 'STOP' },
    ],
  ]),
  hosted: told([
    [
      [{ text: 'Let me compute. 🧮' }, CODE, PRINTED, IMAGE, { text: 'It is cold — 冷。' }],
      [
        [{ text: 'Let me' }],
        [{ text: ' compute. 🧮' }],
        [CODE],
        [PRINTED, IMAGE],
        [{ text: 'It is' }],
        [{ text: ' cold — 冷。' }],
      ],
      { finishReason: 'STOP', ...GROUNDS },
    ],
  ]),
  choices: told([
    [[{ text: TEXT_TOKENS.join('') }], texts(several(TEXT_TOKENS, 20)), { finishReason: 'STOP' }],
    [[{ text: 'Zwei — 二. 🥈' }], texts(['Zwei', ' — 二', '. 🥈']), { finishReason: 'MAX_TOKENS' }],
  ]),
};
