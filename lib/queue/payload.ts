import * as z from 'zod';
import { parseJson } from '../json.ts';
import type { Received } from './queue.ts';

/** What every queue's messages hold. Those of the version before do not name the generation. */
const payload = z.object({ job: z.string().min(1).max(100), generation: z.int().nullable().default(null) });

/** What a genuine message asks for. */
export function readPayload(body: string): Received {
  const parsed = payload.safeParse(parseJson(body));
  if (!parsed.success) return { kind: 'malformed' };
  const { job: jobId, generation } = parsed.data;
  return { kind: 'delivery', jobId, generation };
}
