import { collectedResponse } from '../http/collected.ts';
import { eventsOf, isEventStream } from '../http/sse.ts';
import { streamedForm } from '../http/stream-form.ts';
import { collectAs } from '../replay/collect.ts';
import type { StreamFormat } from '../replay/format.ts';
import { type Call, formed, formOf } from './call.ts';
import { headInTime, type ProxyContext, type Proxying, passedOn } from './proxy.ts';

/**
 * A call that is made as a stream and answered as one whole completion, for providers that answer no other way. What is
 * no stream of events is passed on as it came: the provider's errors, for instance.
 * @throws GatewayError `upstream_reset` where the stream ends before its end; `upstream_malformed` where it spells nothing
 */
export async function collectedStream(
  context: ProxyContext,
  call: Call,
  { run, format }: Proxying & { format: StreamFormat },
): Promise<Response> {
  const form = streamedForm(formOf(call));
  const asked = headInTime(context, form === null ? call : formed(call, form), run);
  const { firstByte } = asked.deadlines;
  const response = await context.upstream({
    ...asked,
    // The head leaves with the last byte, and all of it is in memory until then.
    deadlines: { ...asked.deadlines, total: firstByte },
    maxSize: Math.min(asked.maxSize, context.config.maxReplaySize),
  });
  const { status, headers, body } = response;
  const isPlain = isEventStream(headers.get('content-type')) && headers.get('content-encoding') === null;
  if (!isPlain || body === null || status < 200 || status > 299) return passedOn(context, call, format, response);
  const collected = collectAs(format, await eventsOf(body));
  const answer = passedOn(context, call, null, { status, headers, body: null });
  answer.headers.delete('content-length');
  return collectedResponse(collected, status, answer.headers);
}
