/** Chat completions: what the page sends and reads. Every listed provider speaks them, some at a path of their own. */
const PATHS = {
  azure: '/chat/completions',
  cohere: '/compatibility/v1/chat/completions',
  gemini: '/v1beta/openai/chat/completions',
  github: '/inference/chat/completions',
  pplx: '/chat/completions',
};

export function chatPath(service) {
  return PATHS[service] ?? '/v1/chat/completions';
}

/** Where the models are listed that can be called at `path`. */
export function modelsPath(path) {
  return path.replace(/chat\/completions$/, 'models');
}

export function chatBody({ model, system, prompt, stream }) {
  const messages = [{ role: 'user', content: prompt }];
  if (system !== '') messages.unshift({ role: 'system', content: system });
  return { model, messages, ...(stream ? { stream, stream_options: { include_usage: true } } : {}) };
}

/** The text of a whole completion, or `null` where it is none. */
export function completionText(json) {
  const message = json?.choices?.[0]?.message;
  if (message === undefined) return null;
  return message.content ?? message.refusal ?? toolText(message.tool_calls);
}

/** The text that a chunk of a stream adds. */
export function chunkText(json) {
  const delta = json?.choices?.[0]?.delta;
  return delta?.content ?? delta?.refusal ?? toolText(delta?.tool_calls) ?? '';
}

/** Tool calls as readable text; in a stream the name comes first and the arguments piece by piece. */
function toolText(calls) {
  if (!Array.isArray(calls)) return null;
  return calls
    .map(({ function: { name, arguments: input } = {} }) => `${name ? `\n→ ${name} ` : ''}${input ?? ''}`)
    .join('');
}
