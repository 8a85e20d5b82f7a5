import type { StreamPreference } from '../http/prefer.ts';
import { streamedForm, wholeForm } from '../http/stream-form.ts';
import { formatOf, streamsByPath } from '../replay/formats.ts';
import type { Submission } from './submit.ts';

/** The submission in the form in which its provider is to be asked. A service that cannot stream is never asked to. */
export function inForm(submission: Submission, preference: StreamPreference | null): Submission {
  if (preference === 'replay' || !submission.service.supportsStreaming) return askedWhole(submission);
  if (preference !== 'collect' || submission.method !== 'POST') return submission;
  const form = streamedForm(submission);
  return form === null ? submission : { ...submission, ...form, collected: true };
}

/** A whole answer where the body or the path asks for a stream: readers get the stream by replay. */
export function askedWhole(submission: Submission): Submission {
  const { asked, target, body } = submission;
  if (formatOf(target) === null) return submission;
  const asksByBody = asked?.stream === true && body.kind === 'whole';
  return asksByBody || streamsByPath(target) ? { ...submission, ...wholeForm(submission) } : submission;
}
