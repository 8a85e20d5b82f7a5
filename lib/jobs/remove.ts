import { GatewayError } from '../http/errors.ts';
import type { JobsContext } from './context.ts';

/** Removes an ended job with all that is stored of it. */
export async function removeJob(context: JobsContext, id: string): Promise<void> {
  const removed = await context.store.remove(id);
  if (removed === 'gone') throw new GatewayError('job_not_found');
  if (removed === 'not_ended') {
    throw new GatewayError('job_not_finished', { message: 'A job that has not ended can be cancelled, not deleted.' });
  }
}
