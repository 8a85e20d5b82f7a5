import type { Transport } from './transport.ts';

/** Codings that every `fetch` takes off by itself: the bytes that it gives are no longer what these headers describe. */
const DECODED = /^\s*(x-)?(gzip|deflate|br)\s*(,\s*(x-)?(gzip|deflate|br)\s*)*$/i;

/**
 * HTTP by the runtime's `fetch`, on the edge. It decodes what a provider compresses, so none is asked for; an answer
 * that comes compressed all the same is passed on as what `fetch` makes of it.
 */
export const fetchTransport: Transport = async ({ origin, target, method, headers, body, signal }) => {
  const sent = new Headers(headers);
  sent.set('accept-encoding', 'identity');
  const streamed = body instanceof ReadableStream;
  // `fetch` knows the length of what it has whole; said twice it would be wrong.
  if (!streamed) sent.delete('content-length');
  const init: RequestInit & { duplex?: 'half' } = {
    ...{ method, headers: sent, body, signal, redirect: 'manual' },
    ...(streamed ? { duplex: 'half' } : {}),
  };
  const response = await fetch(`${origin}${target}`, init);
  const received = new Headers(response.headers);
  if (response.body !== null && DECODED.test(received.get('content-encoding') ?? '')) {
    received.delete('content-encoding');
    received.delete('content-length');
  }
  return { status: response.status, headers: received, body: response.body };
};
