import { formatOf, streamedTarget, wholeTarget } from '../replay/formats.ts';
import type { Asked } from './asked.ts';
import type { Body } from './body.ts';
import { bytesWithoutStream, bytesWithStream } from './json-body.ts';

/** The parts of a request that ask for a stream, or for none. */
export interface StreamForm {
  /** Path and query at the provider. */
  readonly target: string;
  readonly headers: Headers;
  readonly body: Body;
  /** Of a JSON object that is whole in memory. */
  readonly asked: Asked | null;
}

/** The same request for one whole answer, where it asks for a stream. */
export function wholeForm({ target, headers, body, asked }: StreamForm): StreamForm {
  const form = { target: wholeTarget(target), headers: accepting(headers, 'application/json') };
  if (asked === null || body.kind !== 'whole') return { ...form, body, asked };
  return { ...form, asked: { ...asked, stream: false }, body: { ...body, bytes: bytesWithoutStream(body.bytes) } };
}

/** The same request for a stream, usage included; `null` where its format or its body has no place to ask for one. */
export function streamedForm({ target, headers, body, asked }: StreamForm): StreamForm | null {
  const format = formatOf(target);
  if (format === null || asked === null || body.kind !== 'whole') return null;
  const form = { target: streamedTarget(target), headers: accepting(headers, 'text/event-stream') };
  if (form.target !== target) return { ...form, body, asked };
  const bytes = bytesWithStream(body.bytes, format.streamOptions);
  return { ...form, asked: { ...asked, stream: true }, body: { ...body, bytes } };
}

/** Without a coding: the answer has to be read here, and any would be welcome without the header (RFC 9110 section 12.5.3). */
function accepting(incoming: Headers, type: string): Headers {
  const headers = new Headers(incoming);
  headers.set('accept', type);
  headers.set('accept-encoding', 'identity');
  return headers;
}
