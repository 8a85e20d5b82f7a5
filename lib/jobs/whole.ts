import { formatOf } from '../replay/formats.ts';
import type { Submission } from './submit.ts';
import { withoutStream } from './without-stream.ts';

/**
 * The submission with a whole answer asked for where its body asks for a stream: readers get the stream by replay. For
 * services that cannot stream, and for callers who want it so.
 */
export function askedWhole(submission: Submission): Submission {
  const { json, target, body } = submission;
  if (json?.['stream'] !== true || body.kind !== 'whole' || formatOf(target.split('?', 1)[0] ?? '') === null)
    return submission;
  const { stream: _stream, stream_options: _options, ...rest } = json;
  const headers = new Headers(submission.headers);
  headers.set('accept', 'application/json');
  return { ...submission, headers, json: rest, body: { kind: 'whole', bytes: withoutStream(body.bytes) } };
}
