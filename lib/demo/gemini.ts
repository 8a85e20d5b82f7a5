import type { JsonObject } from '../json.ts';
import { type Answer, answer, pieces } from './answer.ts';
import { type Ask, conversation, object, objects, string, type ToolMode, type Turn, textOf } from './ask.ts';
import { randomId } from './ids.ts';
import { eventStream, type Reply } from './reply.ts';

/** How the path asks for the answer: one document, SSE frames, or a JSON array that grows. */
export type GeminiDelivery = 'whole' | 'sse' | 'array';

const modes: ReadonlyMap<unknown, ToolMode> = new Map([
  ['ANY', 'force'],
  ['NONE', 'none'],
]);

function turnOf(content: JsonObject): Turn {
  const results = objects(content['parts']).flatMap(
    (part) => part['functionResponse'] ?? part['function_response'] ?? [],
  );
  if (results.length > 0) {
    return { role: 'tool', text: results.map((result) => JSON.stringify(object(result)['response'] ?? {})).join('\n') };
  }
  // A missing role is the user's: that is how the shortest requests are written.
  return { role: (content['role'] ?? 'user') === 'user' ? 'user' : 'other', text: textOf(content['parts']) };
}

function askOf(body: JsonObject, model: string): Ask {
  // Google's API reads both spellings of a field, and its own examples use both.
  const declared = objects(body['tools']).flatMap((tool) =>
    objects(tool['functionDeclarations'] ?? tool['function_declarations']),
  );
  const tools = declared.flatMap((tool) => {
    const name = string(tool['name']);
    return name === undefined ? [] : [{ name, schema: object(tool['parametersJsonSchema'] ?? tool['parameters']) }];
  });
  const settings = object(body['toolConfig'] ?? body['tool_config']);
  const config = object(settings['functionCallingConfig'] ?? settings['function_calling_config']);
  const allowed = config['allowedFunctionNames'] ?? config['allowed_function_names'];
  return {
    model,
    turns: conversation(body, 'contents').map(turnOf),
    tools,
    mode: modes.get(config['mode']) ?? 'auto',
    only: Array.isArray(allowed) && allowed.length > 0 ? allowed.map(String) : undefined,
    parallel: true,
  };
}

function responses(said: Answer, model: string, streamed: boolean): object[] {
  const head = { modelVersion: model, responseId: randomId('') };
  const usageMetadata = {
    promptTokenCount: said.inputTokens,
    candidatesTokenCount: said.outputTokens,
    totalTokenCount: said.inputTokens + said.outputTokens,
  };
  const texts = streamed ? pieces(said.text) : [said.text];
  const called = said.calls.map(({ name, input }) => ({ functionCall: { name, args: input } }));
  const groups: object[][] =
    called.length === 0 ? texts.map((text) => [{ text }]) : streamed ? called.map((part) => [part]) : [called];
  const last = groups.pop() ?? [{ text: '' }];
  const content = (parts: object[]) => ({ content: { parts, role: 'model' } });
  return [
    ...groups.map((parts) => ({ candidates: [{ ...content(parts), index: 0 }], ...head })),
    { candidates: [{ ...content(last), finishReason: 'STOP', index: 0 }], usageMetadata, ...head },
  ];
}

/** `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`, as Google answers them. */
export function gemini(body: JsonObject, length: number | undefined, model: string, delivery: GeminiDelivery): Reply {
  const documents = responses(answer(askOf(body, model), length), model, delivery !== 'whole');
  if (delivery === 'sse') {
    return { contentType: eventStream, frames: documents.map((document) => `data: ${JSON.stringify(document)}\n\n`) };
  }
  if (delivery === 'array') {
    const entries = documents.map((document, index) => `${index === 0 ? '[' : ',\r\n'}${JSON.stringify(document)}`);
    return { contentType: 'application/json', frames: [...entries, ']'] };
  }
  return { json: documents[0] ?? {} };
}
