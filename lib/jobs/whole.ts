import { bytesWithoutStream } from '../http/without-stream.ts';
import { formatOf, streamsByPath, wholeTarget } from '../replay/formats.ts';
import type { Submission } from './submit.ts';

/**
 * The submission with a whole answer asked for where its body or path asks for a stream: readers get the stream by replay. For
 * services that cannot stream, and for callers who want it so.
 */
export function askedWhole(submission: Submission): Submission {
  const { asked, target, body } = submission;
  if (formatOf(target) === null) return submission;
  const byBody = asked?.stream === true && body.kind === 'whole';
  if (!byBody && !streamsByPath(target)) return submission;
  const headers = new Headers(submission.headers);
  headers.set('accept', 'application/json');
  return {
    ...submission,
    headers,
    target: wholeTarget(target),
    ...(byBody && {
      asked: { ...asked, stream: false },
      body: { kind: 'whole', bytes: bytesWithoutStream(body.bytes) },
    }),
  };
}
