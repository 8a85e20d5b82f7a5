import type { Config } from '../config.ts';
import type { Credential } from '../http/auth.ts';
import { GatewayError } from '../http/errors.ts';
import type { Service } from './services.ts';

/** A credential as it is sent. */
export interface Key {
  readonly header: { readonly name: string; readonly value: string } | null;
  /** Gemini's `?key=`. */
  readonly query: string | null;
}

/** The key that a call to `service` is made with: the caller's as it came, or the service's own in the header that it wants. */
export function keyFor(credential: Credential, service: Service, path: string, config: Config): Key | null {
  if (credential.kind === 'query') return { header: null, query: credential.value };
  if (credential.kind === 'header') return { header: credential, query: null };
  return credential.kind === 'service' ? serviceKeyFor(service, path, config) : null;
}

/** The service's own key, where the environment has one. */
export function serviceKeyFor(service: Service, path: string, config: Config): Key | null {
  const key = config.serviceKey(service);
  if (key === null) return null;
  // The OpenAI-compatible paths of Anthropic and Gemini take the key as OpenAI does.
  const name = /\/(chat\/completions|openai\/)/.test(path) ? 'authorization' : service.keyHeader;
  return { header: { name, value: name === 'authorization' ? `Bearer ${key}` : key }, query: null };
}

/** @throws GatewayError `service_key_missing` where a caller with a gateway key asks for a service that has no key */
export function requireKey(credential: Credential, service: Service, config: Config): void {
  // What answers inside the process needs no key.
  if (credential.kind !== 'service' || !credential.required || service.origin === null) return;
  if (config.serviceKey(service) === null) {
    throw new GatewayError('service_key_missing', { param: service.apiKeyEnv, headers: { 'x-should-retry': 'false' } });
  }
}

/** The headers of the call: the caller's, what the service adds to every call, and the key. */
export function headersWithKey(forwarded: Headers, key: Key | null, service: Service, config: Config): Headers {
  const headers = new Headers(service.defaultHeaders);
  for (const [name, value] of forwarded) headers.set(name, value);
  if (service === config.defaultService) {
    for (const [name, value] of Object.entries(config.upstreamExtraHeaders)) headers.set(name, value);
  }
  if (key?.header) headers.set(key.header.name, key.header.value);
  return headers;
}

/** The target of the call, with the key where it travels in the query. */
export function targetWithKey(target: string, key: Key | null): string {
  const query = key?.query ?? null;
  if (query === null) return target;
  return `${target}${target.includes('?') ? '&' : '?'}key=${encodeURIComponent(query)}`;
}
