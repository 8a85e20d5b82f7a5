import { describe, expect, it } from 'vitest';
import { ConfigError, type Environment, readConfig } from '../../lib/config.ts';

function complaint(environment: Environment): string {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'none';
}

describe('each variable’s bad value', () => {
  const WHOLE = ['-1', '1.5', 'abc', '0x10', '1e3', '99999999999999999999'];
  const FLAG = ['maybe', '2', 'TRUE!'];
  it.each([
    ...['DEFAULT_TIMEOUT', 'STREAM_IDLE_TIMEOUT', 'TOTAL_TIMEOUT', 'JOB_TIMEOUT', 'HEARTBEAT_INTERVAL_MS'].map(
      (name) => [name, [...WHOLE, '0', '2147483648']] as const,
    ),
    ['BACKGROUND_TIMEOUT', [...WHOLE, '0', '300001']],
    ['MAX_REQUEST_SIZE', [...WHOLE, '0']],
    ['MAX_RESPONSE_SIZE', [...WHOLE, '0']],
    ['MAX_RESULT_SIZE', [...WHOLE, '0']],
    ['MAX_REPLAY_SIZE', [...WHOLE, '0']],
    ['JOB_TTL', [...WHOLE, '0', '604801']],
    ['QSTASH_RETRIES', [...WHOLE, '101']],
    ['CHUNK_TARGET_LENGTH', [...WHOLE, '0']],
    ['CHUNK_DELAY_MS', WHOLE],
    ['SHUTDOWN_GRACE', WHOLE],
    ['PORT', [...WHOLE, '65536']],
    ['WORKER_CONCURRENCY', [...WHOLE, '0']],
    ['ENABLE_RETRY', FLAG],
    ['ENABLE_FALLBACK', FLAG],
    ['ALLOW_ENV_API_KEY', FLAG],
    ['REQUIRE_GATEWAY_KEY', FLAG],
    ['LONG_REQUEST_MODE', ['queue']],
    ['LOG_LEVEL', ['LOUD']],
    ['LOG_FORMAT', ['xml']],
    [
      'SOURCE_API_URL',
      ['api.openai.com', 'ftp://host', 'https://user:pw@host', 'https://host?key=1', 'https://host#x'],
    ],
    ['PUBLIC_BASE_URL', ['gateway', 'javascript:1', 'https://user@host']],
    ['GATEWAY_SECRET', ['x'.repeat(31)]],
    ['GATEWAY_SECRET_PREVIOUS', ['short']],
    ['GATEWAY_KEYS', ['just-a-key', 'name:short', 'na me:long-enough', 'a:long-enough,:long-enough', 'a:with space1']],
    ['PROXY_CONFIG', ['{', '[]', '"text"', 'null', '1']],
    ['UPSTREAM_EXTRA_HEADERS_JSON', ['{', '[]', '{"a":1}', '{"bad name":"x"}', '{"a":"line\\nbreak"}']],
  ] as const)('%s', (name, values) => {
    for (const value of values) {
      const said = complaint({ [name]: value });
      expect(said, value).toMatch(new RegExp(`^${name}: (must|needs)`));
      if (value.length > 4) expect(said).not.toContain(value);
    }
  });

  it('is not quoted, as it may be a secret', () => {
    const secret = 'sk-very-secret-value';
    expect(complaint({ GATEWAY_KEYS: secret, GATEWAY_SECRET: secret, PORT: secret })).not.toContain(secret);
    expect(complaint({ PROXY_CONFIG: JSON.stringify(secret) })).not.toContain(secret);
    expect(complaint({ PROXY_CONFIG: JSON.stringify({ a: { timeout: secret } }) })).not.toContain(secret);
    expect(complaint({ UPSTREAM_EXTRA_HEADERS_JSON: JSON.stringify({ a: { b: secret } }) })).not.toContain(secret);
  });

  it('is told of together with all others', () => {
    const said = complaint({ PORT: 'x', LOG_FORMAT: 'y', ENABLE_RETRY: 'z' });
    expect(said.split('\n').map((line) => line.split(':', 1)[0])).toEqual(
      expect.arrayContaining(['PORT', 'LOG_FORMAT', 'ENABLE_RETRY']),
    );
  });

  it('REQUIRE_GATEWAY_KEY without any key would lock everybody out', () => {
    expect(complaint({ REQUIRE_GATEWAY_KEY: 'true' })).toMatch(/^REQUIRE_GATEWAY_KEY: needs GATEWAY_KEYS/);
  });
});

describe('what belongs together', () => {
  const UPSTASH = { UPSTASH_REDIS_REST_URL: 'https://upstash.example/', UPSTASH_REDIS_REST_TOKEN: 'upstash-token' };
  const KV = { KV_REST_API_URL: 'https://kv.example', KV_REST_API_TOKEN: 'kv-token' };

  it('Redis has two names, each a pair, Upstash’s own before Vercel’s', () => {
    expect(readConfig({}).redis).toBeNull();
    expect(readConfig(KV).redis).toEqual({ url: 'https://kv.example', token: 'kv-token' });
    expect(readConfig(UPSTASH).redis).toEqual({ url: 'https://upstash.example', token: 'upstash-token' });
    expect(readConfig({ ...KV, ...UPSTASH }).redis).toEqual({ url: 'https://upstash.example', token: 'upstash-token' });
  });

  it.each(Object.entries({ ...UPSTASH, ...KV }))('%s alone: the one that is missing is named', (name, value) => {
    const other = name.endsWith('_URL') ? name.replace(/_URL$/, '_TOKEN') : name.replace(/_TOKEN$/, '_URL');
    expect(complaint({ [name]: value })).toBe(`${other}: must be set, as its counterparts are`);
  });

  it('the URL of one pair does not go with the token of the other', () => {
    const said = complaint({ UPSTASH_REDIS_REST_URL: 'https://upstash.example', KV_REST_API_TOKEN: 'kv-token' });
    expect(said).toBe('UPSTASH_REDIS_REST_TOKEN: must be set, as its counterparts are');
  });

  it('a gateway key has one name, and a name one key', () => {
    expect(complaint({ GATEWAY_KEYS: 'a:first-key,a:second-key' })).toBe('GATEWAY_KEYS: must have each name once');
    expect(complaint({ GATEWAY_KEYS: 'a:one-same-key,b:one-same-key' })).toBe('GATEWAY_KEYS: must have each key once');
  });

  it('a field that no service has is named, in our own words', () => {
    const said = complaint({ PROXY_CONFIG: '{"own":{"host":"llm.example","hots":"x","bsePath":"y"}}' });
    expect(said).toBe('PROXY_CONFIG: must have no fields but those that .env.example lists (at own.hots, bsePath)');
  });
});

describe('defaults', () => {
  const DEFAULTS = {
    allowedOrigins: ['*'],
    defaultTimeout: 20_000,
    backgroundTimeout: 240_000,
    maxResponseSize: 6_291_456,
    enableRetry: true,
    enableFallback: true,
    longRequestMode: 'background',
    logLevel: 'INFO',
    logFormat: 'text',
    allowEnvApiKey: false,
    gatewayKeys: [],
    requireGatewayKey: false,
    gatewaySecret: null,
    gatewaySecretPrevious: null,
    publicBaseUrl: null,
    jobTtl: 86_400_000,
    heartbeatInterval: 3_000,
    chunkTargetLength: 30,
    chunkDelay: 35,
    port: 3000,
    host: '127.0.0.1',
    dataDir: '.data',
    upstreamExtraHeaders: {},
  };

  it('hold where nothing is set', () => {
    expect(readConfig({})).toMatchObject(DEFAULTS);
    expect(readConfig({}).defaultService).toMatchObject({ name: 'openai', origin: 'https://api.openai.com' });
  });

  it('hold where variables are set to nothing, as platforms like to do', () => {
    const names = `ALLOWED_ORIGIN CORS_ALLOW_ORIGIN DEFAULT_TIMEOUT BACKGROUND_TIMEOUT MAX_RESPONSE_SIZE ENABLE_RETRY
      ENABLE_FALLBACK LONG_REQUEST_MODE LOG_LEVEL LOG_FORMAT DEBUG PROXY_CONFIG SOURCE_API_URL UPSTREAM_EXTRA_HEADERS_JSON
      ALLOW_ENV_API_KEY GATEWAY_KEYS REQUIRE_GATEWAY_KEY GATEWAY_SECRET GATEWAY_SECRET_PREVIOUS PUBLIC_BASE_URL JOB_TTL
      HEARTBEAT_INTERVAL_MS CHUNK_TARGET_LENGTH CHUNK_DELAY_MS PORT HOST DATA_DIR OPENAI_API_KEY`.split(/\s+/);
    const config = readConfig(Object.fromEntries(names.map((name) => [name, ''])));
    expect(config).toMatchObject(DEFAULTS);
    expect(config.serviceKey(config.defaultService)).toBeNull();
  });
});

describe('good values', () => {
  it.each([
    [{ ENABLE_RETRY: 'false' }, { enableRetry: false }],
    [
      { ENABLE_RETRY: '0', ALLOW_ENV_API_KEY: 'on' },
      { enableRetry: false, allowEnvApiKey: true },
    ],
    [{ LOG_LEVEL: 'warn' }, { logLevel: 'WARN' }],
    [{ LOG_LEVEL: 'ERROR', DEBUG: 'true' }, { logLevel: 'DEBUG' }],
    [{ DEBUG: 'express:*' }, { logLevel: 'INFO' }],
    [{ ALLOWED_ORIGIN: 'https://a, https://b' }, { allowedOrigins: ['https://a', 'https://b'] }],
    [{ ALLOWED_ORIGIN: 'https://a', CORS_ALLOW_ORIGIN: 'https://b' }, { allowedOrigins: ['https://a'] }],
    [{ CORS_ALLOW_ORIGIN: 'https://b' }, { allowedOrigins: ['https://b'] }],
    [{ PUBLIC_BASE_URL: 'https://g.example/base/' }, { publicBaseUrl: 'https://g.example/base' }],
    [{ JOB_TTL: '60' }, { jobTtl: 60_000 }],
    [
      { CHUNK_DELAY_MS: '0', PORT: ' 8080 ' },
      { chunkDelay: 0, port: 8080 },
    ],
    [
      { GATEWAY_KEYS: ' a:12345678 , b-2:k:with:colons,' },
      {
        gatewayKeys: [
          { name: 'a', key: '12345678' },
          { name: 'b-2', key: 'k:with:colons' },
        ],
      },
    ],
  ])('%o', (environment, expected) => {
    expect(readConfig(environment)).toMatchObject(expected);
  });
});

describe('on a platform of functions', () => {
  it('FUNCTION_LIMIT cuts what would outlast a function', () => {
    const { runLimit, backgroundTimeout, jobTimeout, totalTimeout } = readConfig({ FUNCTION_LIMIT: '60000' });
    expect({ runLimit, backgroundTimeout, jobTimeout }).toEqual({
      runLimit: 57_000,
      backgroundTimeout: 57_000,
      jobTimeout: 51_000,
    });
    // What can have no last word is broken off after those that can.
    expect(totalTimeout).toBe(58_500);
    expect(readConfig({}).runLimit).toBe(Number.POSITIVE_INFINITY);
    expect(readConfig({ FUNCTION_LIMIT: '60000', JOB_TIMEOUT: '1000' }).jobTimeout).toBe(1_000);
  });

  it('a default is used where nothing is set', () => {
    expect(readConfig({ FUNCTION_LIMIT: '' }, { FUNCTION_LIMIT: '1000' }).runLimit).toBe(950);
    expect(readConfig({ FUNCTION_LIMIT: '2000' }, { FUNCTION_LIMIT: '1000' }).runLimit).toBe(1_900);
  });

  it.each<[string, Environment, string | null]>([
    ['production has the project’s name', { VERCEL_ENV: 'production' }, 'https://project.vercel.app'],
    ['a preview that of its branch', { VERCEL_ENV: 'preview' }, 'https://branch.vercel.app'],
    ['or its own', { VERCEL_ENV: 'preview', VERCEL_BRANCH_URL: '' }, 'https://one.vercel.app'],
    ['a developer’s machine none', { VERCEL_ENV: 'development' }, null],
    [
      'PUBLIC_BASE_URL goes first',
      { VERCEL_ENV: 'production', PUBLIC_BASE_URL: 'https://own.example' },
      'https://own.example',
    ],
  ])('%s', (_name, environment, expected) => {
    const vercel = {
      VERCEL_URL: 'one.vercel.app',
      VERCEL_BRANCH_URL: 'branch.vercel.app',
      VERCEL_PROJECT_PRODUCTION_URL: 'project.vercel.app',
    };
    expect(readConfig({ ...vercel, ...environment }).publicBaseUrl).toBe(expected);
  });
});
