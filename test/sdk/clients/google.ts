import { type FunctionDeclaration, type GenerateContentResponse, GoogleGenAI } from '@google/genai';
import { isObject, type Json, type JsonObject } from '../../../lib/json.ts';
import { all, bare, type Client, type Connection, KEY } from './client.ts';
import { SCHEMAS } from './tools.ts';

const functionDeclarations = Object.entries(SCHEMAS).map(
  ([name, parametersJsonSchema]): FunctionDeclaration => ({ name, parametersJsonSchema }),
);
const ask = { model: 'gemini-2.5-flash', contents: 'Hello 👋', config: { tools: [{ functionDeclarations }] } };

function google({ url, headers, fetch }: Connection): GoogleGenAI {
  return new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: url, headers: { ...headers }, fetch } });
}

export const googleGenAI: Client = {
  ...{ name: '@google/genai', package: '@google/genai', format: 'gemini' },
  scenarios: ['text', 'thoughts', 'refusal', 'tools', 'choices', 'hosted'],
  calls: '`models.generateContent` and `generateContentStream`',
  async whole(connection) {
    const response = await google(connection).models.generateContent(ask);
    return bare({ response, calls: response.functionCalls }, 'sdkHttpResponse');
  },
  async streamed(connection) {
    const chunks = await all(await google(connection).models.generateContentStream(ask));
    return bare({ response: gathered(chunks), calls: chunks.flatMap(({ functionCalls }) => functionCalls ?? []) });
  },
};

/** What the frames say together: texts joined as long as they are of one kind, of all else the last that is told. */
function gathered(chunks: readonly GenerateContentResponse[]): Json {
  const candidates: JsonObject[] = [];
  let rest: JsonObject = {};
  for (const chunk of chunks) {
    const { candidates: told, ...fields } = objectOf(bare(chunk, 'sdkHttpResponse'));
    rest = { ...rest, ...fields };
    for (const candidate of listOf(told)) {
      const place = candidates.findIndex(({ index }) => index === candidate['index']);
      if (place === -1) candidates.push(candidate);
      else candidates[place] = joined(candidates[place] ?? {}, candidate);
    }
  }
  return { ...rest, candidates };
}

function joined(known: JsonObject, { content, ...fields }: JsonObject): JsonObject {
  const parts = listOf(objectOf(known['content'])['parts']);
  for (const part of listOf(objectOf(content)['parts'])) {
    const last = parts.at(-1) ?? {};
    const { text, thoughtSignature } = last;
    const isOpen = typeof text === 'string' && thoughtSignature === undefined && last['thought'] === part['thought'];
    if (isOpen && typeof part['text'] === 'string') parts.splice(-1, 1, { ...part, text: text + part['text'] });
    else parts.push(part);
  }
  return { ...known, ...fields, content: { ...objectOf(content), parts } };
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

function listOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
