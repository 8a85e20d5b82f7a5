/** One provider, as the gateway calls it. */
export interface Service {
  readonly name: string;
  /** `scheme://host[:port]`: the only place that a call of this service can go. `null`: it answers inside the process. */
  readonly origin: string | null;
  /** Put before every path: empty, or with a leading and no trailing slash. */
  readonly basePath: string;
  /** Milliseconds to the first byte, in place of `DEFAULT_TIMEOUT`. */
  readonly timeout: number | null;
  readonly maxRetries: number;
  readonly retryableMethods: readonly string[];
  readonly defaultHeaders: Readonly<Record<string, string>>;
  /** `false`: streams are always replayed from a whole answer. */
  readonly supportsStreaming: boolean;
  /** Whether the edge may take over a call that the background function could not begin. */
  readonly allowFallback: boolean;
  /** Bytes, in place of `MAX_RESPONSE_SIZE`. */
  readonly maxResponseSize: number | null;
  /** Deliveries of jobs at once. */
  readonly parallelism: number | null;
  /** Deliveries of jobs in a period, redeliveries included; on Redis + QStash only. */
  readonly rate: number | null;
  /** Seconds. */
  readonly period: number;
  /** Variable that holds the service's own key, for callers with a gateway key. */
  readonly apiKeyEnv: string;
  /** Header that carries the key. */
  readonly keyHeader: KeyHeader;
  /** The path itself is a secret (bot tokens): it is never logged. */
  readonly secretPath: boolean;
}

export type KeyHeader = 'authorization' | 'x-api-key' | 'x-goog-api-key' | 'api-key';

/** Headers that carry a credential, in the order in which they are looked at. */
export const KEY_HEADERS: readonly KeyHeader[] = ['authorization', 'x-api-key', 'x-goog-api-key', 'api-key'];

/** What a service is described by; everything but the host has a default. */
export type ServiceFacts = Partial<Omit<Service, 'name' | 'origin'>> & { readonly host: string | null };

const anthropic: ServiceFacts = {
  host: 'api.anthropic.com',
  defaultHeaders: { 'anthropic-version': '2023-06-01' },
  apiKeyEnv: 'ANTHROPIC_API_KEY',
  keyHeader: 'x-api-key',
};

/** The services that every gateway knows, by the name in `/gateway/{service}/…`. */
export const BUILT_IN: Readonly<Record<string, ServiceFacts>> = {
  anthropic,
  azure: { host: 'models.inference.ai.azure.com' },
  cerebras: { host: 'api.cerebras.ai' },
  chutes: { host: 'llm.chutes.ai' },
  claude: anthropic,
  cohere: { host: 'api.cohere.ai' },
  deepseek: { host: 'api.deepseek.com' },
  demo: { host: null },
  discord: { host: 'discord.com', basePath: '/api', secretPath: true },
  dmxcn: { host: 'www.dmxapi.cn' },
  dmxcom: { host: 'www.dmxapi.com' },
  fireworks: { host: 'api.fireworks.ai', basePath: '/inference' },
  friendli: { host: 'api.friendli.ai', basePath: '/serverless' },
  gemini: { host: 'generativelanguage.googleapis.com', keyHeader: 'x-goog-api-key' },
  github: { host: 'models.github.ai', defaultHeaders: { accept: 'application/vnd.github+json' } },
  gmi: { host: 'api.gmi-serving.com' },
  groq: { host: 'api.groq.com', basePath: '/openai' },
  httpbin: { host: 'httpbin.org' },
  huggingface: { host: 'api-inference.huggingface.co' },
  meta: { host: 'www.meta.ai', basePath: '/api' },
  mistral: { host: 'api.mistral.ai' },
  modelscope: { host: 'api-inference.modelscope.cn' },
  novita: { host: 'api.novita.ai' },
  openai: { host: 'api.openai.com', timeout: 120_000, maxResponseSize: 10_485_760 },
  openrouter: { host: 'openrouter.ai', basePath: '/api' },
  poe: { host: 'api.poe.com' },
  portkey: { host: 'api.portkey.ai' },
  pplx: { host: 'api.perplexity.ai', apiKeyEnv: 'PERPLEXITY_API_KEY' },
  siliconflow: { host: 'api.siliconflow.cn' },
  targon: { host: 'api.targon.com' },
  telegram: { host: 'api.telegram.org', secretPath: true },
  together: { host: 'api.together.xyz' },
  xai: { host: 'api.x.ai' },
};

/** Fills in what a service leaves out. */
export function defineService(name: string, { host, ...facts }: ServiceFacts): Service {
  return {
    basePath: '',
    timeout: null,
    maxRetries: 2,
    retryableMethods: ['GET', 'HEAD', 'OPTIONS', 'POST'],
    defaultHeaders: {},
    supportsStreaming: true,
    allowFallback: true,
    maxResponseSize: null,
    parallelism: null,
    rate: null,
    period: 1,
    apiKeyEnv: `${name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}_API_KEY`,
    keyHeader: 'authorization',
    secretPath: false,
    ...facts,
    name,
    origin: host === null ? null : new URL(originOf(host)).origin,
  };
}

/** A host as a URL: `https` unless it says otherwise. */
export function originOf(host: string): string {
  return host.includes('://') ? host : `https://${host}`;
}
