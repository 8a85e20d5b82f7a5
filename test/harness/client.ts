import { expect } from 'vitest';
import * as z from 'zod';
import { type JsonObject, parseJsonObject } from '../../lib/json.ts';

const time = z.int();

/** The job object as PROTOCOL.md promises it; strict, so that every test that reads one also checks its shape. */
const jobView = z.strictObject({
  id: z.string().regex(/^job_[\w-]{24}$/),
  object: z.literal('job'),
  status: z.enum(['queued', 'in_progress', 'completed', 'failed', 'cancelled', 'expired']),
  service: z.string(),
  method: z.string(),
  path: z.string(),
  model: z.string().nullable(),
  created_at: time,
  started_at: time.nullable(),
  completed_at: time.nullable(),
  expires_at: time,
  attempts: z.int(),
  next_attempt_at: time.nullable(),
  cancel_requested_at: time.nullable(),
  response: z.strictObject({ status: z.int(), content_type: z.string().nullable(), size: z.int() }).nullable(),
  usage: z.record(z.string(), z.unknown()).nullable(),
  error: z
    .strictObject({ message: z.string(), type: z.string(), code: z.string(), upstream_status: z.int().nullable() })
    .nullable(),
  webhook: z
    .strictObject({
      status: z.enum(['waiting', 'pending', 'delivered', 'gone', 'failed']),
      next_delivery_at: time.nullable(),
      deliveries: z.array(
        z.strictObject({
          created_at: time,
          duration_ms: z.int(),
          status: z.int().nullable(),
          error: z.string().nullable(),
        }),
      ),
    })
    .nullable(),
  metadata: z.record(z.string(), z.unknown()),
  urls: z.strictObject({ get: z.url(), result: z.url(), stream: z.url(), cancel: z.url() }),
  read_token: z.string().optional(),
});
export type JobView = z.infer<typeof jobView>;

/** An error in the one shape. */
export const errorBody = z.object({
  error: z.looseObject({
    message: z.string(),
    type: z.string(),
    code: z.string(),
    param: z.string().nullable(),
    request_id: z.string(),
    timestamp: z.iso.datetime(),
  }),
  status: z.int(),
});

const listBody = z.strictObject({
  object: z.literal('list'),
  data: z.array(jobView),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
  has_more: z.boolean(),
});

/** What differs from one answer to the next, whatever it tells. */
const VOLATILE = new Set(['x-request-id', 'x-processing-time', 'server-timing', 'date']);

/** All that an answer tells but its request's id and time. */
export async function told(response: Response) {
  const headers = Array.from(response.headers).filter(([name]) => !VOLATILE.has(name));
  const body = await response.text();
  return { status: response.status, headers, body: body.replaceAll(/"(request_id|timestamp)":"[^"]*"/g, '') };
}

export type CallHeaders = Readonly<Record<string, string>>;

/** The answer's job, which is one of the promised shape. */
export async function jobIn(response: Response): Promise<JobView> {
  return jobView.parse(await response.json());
}

/** The answer's error; fails where the status in the body is not the answer's. */
export async function errorIn(response: Response) {
  const body = errorBody.parse(await response.json());
  expect(body.status).toBe(response.status);
  return body.error;
}

export async function listIn(response: Response) {
  expect(response.status).toBe(200);
  return listBody.parse(await response.json());
}

export async function objectIn(response: Response): Promise<JsonObject> {
  const value = parseJsonObject(await bytesIn(response));
  if (value === undefined) throw new Error('the answer is no JSON object');
  return value;
}

export async function bytesIn(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

/** A caller of the gateway over HTTP: what it sends goes with its headers (its key, usually). */
export class Caller {
  readonly url: string;
  readonly headers: CallHeaders;

  constructor(url: string, headers: CallHeaders = {}) {
    this.url = url;
    this.headers = headers;
  }

  send(method: string, path: string, init: { headers?: CallHeaders; body?: BodyInit; signal?: AbortSignal } = {}) {
    const headers = { ...this.headers, ...init.headers };
    return fetch(`${this.url}${path}`, {
      ...init,
      method,
      headers,
      ...(init.body instanceof ReadableStream ? { duplex: 'half' } : {}),
    });
  }

  get(path: string, headers: CallHeaders = {}): Promise<Response> {
    return this.send('GET', path, { headers });
  }

  post(path: string, body: object = {}, headers: CallHeaders = {}, signal?: AbortSignal): Promise<Response> {
    const all = { 'content-type': 'application/json', ...headers };
    return this.send('POST', path, { headers: all, body: JSON.stringify(body), ...(signal ? { signal } : {}) });
  }

  /** `POST /api/jobs` for a call of the upstream `local`; fails unless the job is taken. */
  async submit(path: string, request: object = {}, headers: CallHeaders = {}): Promise<JobView> {
    const response = await this.post('/api/jobs', { service: 'local', path, body: { ask: 'it' }, ...request }, headers);
    expect(response.status, await response.clone().text()).toBe(202);
    return jobIn(response);
  }

  async job(id: string): Promise<JobView> {
    const response = await this.get(`/api/jobs/${id}`);
    expect(response.status).toBe(200);
    return jobIn(response);
  }

  /** The job at its end, polled as a caller would. */
  ended(id: string): Promise<JobView> {
    return this.until(id, (job) => job.status !== 'queued' && job.status !== 'in_progress', 1);
  }

  /** The job as soon as `holds` is true of it. */
  async until(id: string, holds: (job: JobView) => boolean, wait = 0): Promise<JobView> {
    for (;;) {
      const response = await this.get(`/api/jobs/${id}?wait=${wait}`);
      expect(response.status).toBe(200);
      const job = await jobIn(response);
      if (holds(job)) return job;
      if (wait === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
