import type { Config } from '../../lib/config.ts';
import type { Call } from '../../lib/gateway/call.ts';
import { lookInto } from '../../lib/http/asked.ts';
import type { JsonObject } from '../../lib/json.ts';

/** A chat call as `readCall` makes it, for what is proved without a server. */
export function callOf(config: Config, json: JsonObject): Call {
  const bytes = new TextEncoder().encode(JSON.stringify(json));
  return {
    door: 'default',
    service: config.defaultService,
    method: 'POST',
    path: '/v1/chat/completions',
    search: '',
    headers: new Headers({ 'content-type': 'application/json' }),
    caller: {
      credential: { kind: 'none' },
      label: 'anonymous',
      isKnown: true,
      accounts: async () => [],
      owners: async () => [],
    },
    body: { kind: 'whole', bytes },
    asked: lookInto(bytes),
    streaming: json['stream'] === true,
    streamPreference: null,
    prefer: { respondAsync: false, wait: null },
    idempotencyKey: null,
    signal: new AbortController().signal,
    startedAt: Date.now(),
  };
}
