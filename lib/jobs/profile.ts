import * as z from 'zod';
import { isObject, type JsonObject } from '../json.ts';
import type { Secrets } from '../secrets.ts';

const pairs = z.array(z.tuple([z.string(), z.string()]));

const profileSchema = z.object({
  /** Path and query at the provider, without the caller's key. */
  target: z.string(),
  /** Headers for the provider that are no secrets; a job that is run again still has them. */
  headers: pairs,
  metadata: z.custom<JsonObject>(isObject),
  /** The service's own key is to be used, from the environment of the worker. */
  usesServiceKey: z.boolean(),
  /** Where the end is told, and under which address the receiver finds the gateway. Older profiles do not say. */
  webhook: z.object({ url: z.string(), baseUrl: z.string() }).nullable().default(null),
  /** `/result` gives the completion that the stored stream spells. Older profiles do not say. */
  collected: z.boolean().default(false),
});

const credentialSchema = z.object({
  header: z.object({ name: z.string(), value: z.string() }).nullable(),
  /** Gemini's `?key=`. */
  query: z.string().nullable(),
  /** Further headers whose names speak of secrets. */
  headers: pairs,
});

/** What only the job's owner may read of it; kept sealed as long as the job. */
export type Profile = z.infer<typeof profileSchema>;
/** What pays for the job; kept sealed and erased when the job ends. */
export type StoredCredential = z.infer<typeof credentialSchema>;

const SECRET_NAME = /auth|key|token|secret|passw|cookie|signature|credential/;

/** Parts the headers into those that may be kept with the job and those that must go when it ends. */
export function splitHeaders(headers: Headers) {
  const all = Array.from(headers);
  return {
    plain: all.filter(([name]) => !SECRET_NAME.test(name)),
    secret: all.filter(([name]) => SECRET_NAME.test(name)),
  };
}

export function sealProfile(secrets: Secrets, jobId: string, profile: Profile): Promise<Uint8Array> {
  return seal(secrets, jobId, 'profile', profile);
}

export async function openProfile(secrets: Secrets, jobId: string, sealed: Uint8Array): Promise<Profile> {
  return profileSchema.parse(await open(secrets, jobId, 'profile', sealed));
}

export function sealCredential(secrets: Secrets, jobId: string, credential: StoredCredential): Promise<Uint8Array> {
  return seal(secrets, jobId, 'credential', credential);
}

export async function openCredential(secrets: Secrets, jobId: string, sealed: Uint8Array): Promise<StoredCredential> {
  return credentialSchema.parse(await open(secrets, jobId, 'credential', sealed));
}

function seal(secrets: Secrets, jobId: string, part: string, value: object): Promise<Uint8Array> {
  return secrets.seal(jobId, part, new TextEncoder().encode(JSON.stringify(value)));
}

async function open(secrets: Secrets, jobId: string, part: string, sealed: Uint8Array): Promise<unknown> {
  return JSON.parse(new TextDecoder().decode(await secrets.open(jobId, part, sealed)));
}
