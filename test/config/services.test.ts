import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../../lib/config.ts';
import { BUILT_IN } from '../../lib/upstream/services.ts';
import { startGateway } from '../harness/gateway.ts';

const withServices = (services: object) => readConfig({ PROXY_CONFIG: JSON.stringify(services) }).services;

describe('the services that every gateway knows', () => {
  it.each([
    ['azure', 'https://models.inference.ai.azure.com', ''],
    ['claude', 'https://api.anthropic.com', ''],
    ['anthropic', 'https://api.anthropic.com', ''],
    ['discord', 'https://discord.com', '/api'],
    ['fireworks', 'https://api.fireworks.ai', '/inference'],
    ['friendli', 'https://api.friendli.ai', '/serverless'],
    ['groq', 'https://api.groq.com', '/openai'],
    ['meta', 'https://www.meta.ai', '/api'],
    ['openrouter', 'https://openrouter.ai', '/api'],
    ['gemini', 'https://generativelanguage.googleapis.com', ''],
    ['pplx', 'https://api.perplexity.ai', ''],
    ['demo', null, ''],
  ])('%s', (name, origin, basePath) => {
    expect(readConfig({}).services.get(name)).toMatchObject({ name, origin, basePath });
  });

  it('have what their providers want', () => {
    const { services } = readConfig({});
    expect(services.get('claude')).toMatchObject({
      defaultHeaders: { 'anthropic-version': '2023-06-01' },
      keyHeader: 'x-api-key',
    });
    expect(services.get('github')?.defaultHeaders).toEqual({ accept: 'application/vnd.github+json' });
    expect(services.size).toBe(Object.keys(BUILT_IN).length);
  });

  it('take their keys from the environment', () => {
    const config = readConfig({ OPENAI_API_KEY: 'sk-o', ANTHROPIC_API_KEY: 'sk-a', PERPLEXITY_API_KEY: 'sk-p' });
    const keyOf = (name: string) => {
      const service = config.services.get(name);
      return service === undefined ? undefined : config.serviceKey(service);
    };
    expect(['openai', 'claude', 'anthropic', 'pplx', 'groq'].map(keyOf)).toEqual([
      'sk-o',
      'sk-a',
      'sk-a',
      'sk-p',
      null,
    ]);
  });
});

describe('PROXY_CONFIG', () => {
  it('is laid over the built-in ones field by field', () => {
    const services = withServices({ claude: { timeout: 5 }, groq: { basePath: '', maxRetries: 0 } });
    expect(services.get('claude')).toMatchObject({
      origin: 'https://api.anthropic.com',
      timeout: 5,
      keyHeader: 'x-api-key',
    });
    expect(services.get('groq')).toMatchObject({ origin: 'https://api.groq.com', basePath: '', maxRetries: 0 });
  });

  it('adds services, with defaults for all but the host', () => {
    expect(withServices({ 'my-llm_2': { host: 'llm.example' } }).get('my-llm_2')).toEqual({
      name: 'my-llm_2',
      origin: 'https://llm.example',
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
      apiKeyEnv: 'MY_LLM_2_API_KEY',
      keyHeader: 'authorization',
      secretPath: false,
    });
  });

  it.each([
    ['llm.example', 'https://llm.example'],
    ['llm.example:8443', 'https://llm.example:8443'],
    ['LLM.Example:443', 'https://llm.example'],
    ['http://127.0.0.1:9000', 'http://127.0.0.1:9000'],
    ['http://[::1]:9000', 'http://[::1]:9000'],
  ])('a host may be %s', (host, origin) => {
    expect(withServices({ own: { host } }).get('own')?.origin).toBe(origin);
  });

  it.each([
    ['openai', '/openai'],
    ['/openai/', '/openai'],
    ['/a/b', '/a/b'],
    ['/', ''],
  ])('a base path may be %s', (basePath, expected) => {
    expect(withServices({ own: { host: 'h', basePath } }).get('own')?.basePath).toBe(expected);
  });

  it('may have a rate, by the second unless it says another period', () => {
    const services = withServices({ a: { host: 'h', rate: 3 }, b: { host: 'h', rate: 3, period: 604_800 } });
    expect(services.get('a')).toMatchObject({ rate: 3, period: 1, parallelism: null });
    expect(services.get('b')).toMatchObject({ rate: 3, period: 604_800 });
  });

  it('may have a rate that one machine does not keep, which its log says', async () => {
    const gateway = await startGateway({
      env: { PROXY_CONFIG: JSON.stringify({ a: { host: 'h', rate: 3 }, b: { host: 'h' } }) },
    });
    await gateway.stop();
    const said = gateway.lines.filter((line) => line.includes('rate'));
    expect(said).toEqual([expect.stringMatching(/\[WARN\].*service=a$/)]);
  });

  it('knows the first gateway’s retryable', () => {
    expect(withServices({ own: { host: 'h', retryable: false } }).get('own')?.maxRetries).toBe(0);
    expect(withServices({ own: { host: 'h', retryable: true } }).get('own')?.maxRetries).toBe(2);
  });

  it.each([
    ['no host', { own: { timeout: 1 } }, /must say the host \(at own\)/],
    ['a host with a path', { own: { host: 'https://h/path' } }, /host.*\(at own\.host\)/],
    ['a host with a user', { own: { host: 'https://u:p@h' } }, /\(at own\.host\)/],
    ['a host of another scheme', { own: { host: 'ftp://h' } }, /\(at own\.host\)/],
    ['a port that is none', { own: { host: 'http://h:99999' } }, /\(at own\.host\)/],
    ['a base path with a query', { own: { host: 'h', basePath: '/a?b' } }, /\(at own\.basePath\)/],
    ['a timeout of 0', { own: { host: 'h', timeout: 0 } }, /\(at own\.timeout\)/],
    ['a negative count', { own: { host: 'h', maxRetries: -1 } }, /\(at own\.maxRetries\)/],
    ['a rate of 0', { own: { host: 'h', rate: 0 } }, /\(at own\.rate\)/],
    ['a period of more than a week', { own: { host: 'h', rate: 1, period: 604_801 } }, /\(at own\.period\)/],
    ['a period without a rate', { own: { host: 'h', period: 60 } }, /must go with a rate \(at own\.period\)/],
    ['lower-case methods', { own: { host: 'h', retryableMethods: ['get'] } }, /\(at own\.retryableMethods\.0\)/],
    ['a header that is none', { own: { host: 'h', defaultHeaders: { 'a b': 'c' } } }, /own\.defaultHeaders/],
    ['a flag in words', { own: { host: 'h', supportsStreaming: 'no' } }, /\(at own\.supportsStreaming\)/],
    ['a name with a slash', { 'a/b': { host: 'h' } }, /service names/],
    ['an unknown field', { own: { host: 'h', retires: 1 } }, /retires/],
  ])('%s is refused', (_name, services, message) => {
    expect(() => withServices(services)).toThrow(ConfigError);
    expect(() => withServices(services)).toThrow(message);
    expect(() => withServices(services)).toThrow(/^PROXY_CONFIG: /);
  });
});

describe('names of what every object has', () => {
  it.each([
    ['{"__proto__":{"host":"evil.example","apiKeyEnv":"HOME"}}', []],
    ['{"constructor":{"host":"own.example"}}', ['constructor']],
  ])('are no way into other services: %s', (PROXY_CONFIG, added) => {
    const { services } = readConfig({ PROXY_CONFIG });
    expect(Array.from(services.keys()).filter((name) => !Object.hasOwn(BUILT_IN, name))).toEqual(added);
    expect(services.get('openai')).toEqual(readConfig({}).services.get('openai'));
    expect(services.get('toString')).toBeUndefined();
  });

  it.each(['__proto__', 'constructor', 'prototype'])('are no fields of a service: %s', (name) => {
    const config = `{"own":{"host":"own.example","${name}":{"secretPath":false,"origin":"https://evil.example"}}}`;
    expect(() => readConfig({ PROXY_CONFIG: config })).toThrow(ConfigError);
  });

  it('add no header, and nothing to any object', () => {
    const { upstreamExtraHeaders, services } = readConfig({
      UPSTREAM_EXTRA_HEADERS_JSON: '{"__proto__":"x","x-own":"1"}',
      PROXY_CONFIG: '{"own":{"host":"h","defaultHeaders":{"__proto__":"x","constructor":"y"}}}',
    });
    expect(Object.entries(upstreamExtraHeaders)).toEqual([['x-own', '1']]);
    expect(Object.entries(services.get('own')?.defaultHeaders ?? {})).toEqual([['constructor', 'y']]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

describe('SOURCE_API_URL', () => {
  const serviceOf = (url: string, proxy = '{}') => readConfig({ SOURCE_API_URL: url, PROXY_CONFIG: proxy });

  it('is a service that is known where its address is', () => {
    expect(serviceOf('https://api.deepseek.com/').defaultService.name).toBe('deepseek');
    expect(serviceOf('https://api.groq.com/openai/').defaultService.name).toBe('groq');
    const proxy = JSON.stringify({ own: { host: 'http://127.0.0.1:9000' } });
    expect(serviceOf('http://127.0.0.1:9000', proxy).defaultService.name).toBe('own');
  });

  it('is else one of its own, found by its name as the others are', () => {
    const config = serviceOf('https://llm.example:8443/base/');
    expect(config.defaultService).toMatchObject({
      name: 'default',
      origin: 'https://llm.example:8443',
      basePath: '/base',
      apiKeyEnv: 'OPENAI_API_KEY',
    });
    expect(config.services.get('default')).toBe(config.defaultService);
  });
});
