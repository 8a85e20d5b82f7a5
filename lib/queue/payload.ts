import * as z from 'zod';
import type { Sending } from '../jobs/job.ts';
import { parseJson } from '../json.ts';

/** What every queue's messages hold. Those of earlier versions do not name all of it. */
const payload = z.object({
  job: z.string().min(1).max(100),
  generation: z.int().nullable().default(null),
  version: z.int().nullable().default(null),
});

/** Whom a message is for, and what it was sent for. */
export interface Payload {
  readonly jobId: string;
  readonly sending: Sending;
}

export function writePayload({ jobId, sending }: Payload): string {
  return JSON.stringify({ job: jobId, ...sending });
}

/** The reverse of {@link writePayload}; `null` where the text is no message of ours. */
export function readPayload(body: string): Payload | null {
  const parsed = payload.safeParse(parseJson(body));
  if (!parsed.success) return null;
  const { job: jobId, generation, version } = parsed.data;
  return { jobId, sending: { generation, version } };
}
