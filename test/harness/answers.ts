import type { ServerResponse } from 'node:http';
import type { Handler } from './upstream.ts';

/** Answers with JSON. */
export function json(body: object, status = 200, headers: Record<string, string> = {}): Handler {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
  };
}

/** An error in OpenAI's shape. */
export function failing(status: number, headers: Record<string, string> = {}, message = `told ${status}`): Handler {
  return json({ error: { message, type: 'told_type', param: null, code: 'told_code' } }, status, headers);
}

/** Breaks the connection before any answer. */
export const reset: Handler = (_request, response) => {
  response.socket?.resetAndDestroy();
};

/** Never answers. */
export const hang: Handler = () => undefined;

/** A thing that happens once, and those who wait for it. */
export class Signal {
  #happen: () => void = () => undefined;
  readonly happened = new Promise<void>((resolve) => {
    this.#happen = resolve;
  });

  happen(): void {
    this.#happen();
  }
}

/** Answers with JSON once told to, and tells when the call has come and when its connection has closed. */
export function held(body: object) {
  const come = new Signal();
  const go = new Signal();
  const closed = new Signal();
  const handler: Handler = async (_request, response) => {
    response.on('close', () => closed.happen());
    come.happen();
    await go.happened;
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  return { handler, come: come.happened, go: () => go.happen(), closed: closed.happened };
}

export function startEvents(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
}

/** One chunk of a chat stream. */
export function chatChunk(content: string, finish: string | null = null): string {
  const choices = [{ index: 0, delta: { content }, finish_reason: finish }];
  return `data: ${JSON.stringify({ id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm', choices })}\n\n`;
}

export const DONE = 'data: [DONE]\n\n';

/** A whole stream at once. */
export function streaming(...frames: readonly string[]): Handler {
  return (_request, response) => {
    startEvents(response);
    response.end(frames.join(''));
  };
}

/** A stream that a test pushes frame by frame. */
export function pushed() {
  const come = new Signal();
  let live: ServerResponse | undefined;
  const handler: Handler = (_request, response) => {
    startEvents(response);
    live = response;
    come.happen();
  };
  return {
    handler,
    come: come.happened,
    push: (frame: string) => void live?.write(frame),
    end: (frame = '') => void live?.end(frame),
    breakOff: () => void live?.socket?.resetAndDestroy(),
  };
}

/** A stored completion in OpenAI's shape. */
export function completion(content: string): object {
  const message = { role: 'assistant', content, refusal: null };
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message, logprobs: null, finish_reason: 'stop' }],
    usage: { prompt_tokens: 3, completion_tokens: 5, total_tokens: 8 },
  };
}
