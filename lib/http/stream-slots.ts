import { GatewayError } from './errors.ts';
import { overLimit } from './rate-headers.ts';

/** Seconds after which it is worth coming again: streams end all the time. */
const COME_AGAIN_S = 2;

/** The streams that one process answers at once. */
export class StreamSlots {
  readonly #limit: number;
  #open = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get open(): number {
    return this.#open;
  }

  /**
   * Runs `answer` in a slot, which is free again when its body has ended or its reader has gone.
   * @throws GatewayError `too_many_streams` before anything is done
   */
  async within(request: Request, answer: () => Promise<Response>): Promise<Response> {
    if (request.method === 'HEAD') return headOf(await answer());
    if (this.#open >= this.#limit) {
      const policy = { name: 'open-streams', limit: this.#limit };
      throw new GatewayError('too_many_streams', { headers: overLimit(policy, COME_AGAIN_S) });
    }
    this.#open++;
    let isFree = false;
    const free = () => {
      if (!isFree) this.#open--;
      isFree = true;
    };
    try {
      const response = await answer();
      if (response.body !== null) return new Response(until(response.body, free), response);
      free();
      return response;
    } catch (error) {
      free();
      throw error;
    }
  }
}

/** Nobody reads a body for HEAD, so nothing would ever tell of its end. */
async function headOf(response: Response): Promise<Response> {
  await response.body?.cancel();
  return new Response(null, response);
}

/** The same bytes, read as they are asked for, with word of their end. */
function until(body: ReadableStream<Uint8Array>, ended: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          ended();
          controller.close();
        } catch (error) {
          ended();
          throw error;
        }
      },
      cancel(reason) {
        ended();
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
