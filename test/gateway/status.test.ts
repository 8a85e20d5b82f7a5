import { describe, expect, it } from 'vitest';
import { readConfig } from '../../lib/config.ts';
import { statusReader } from '../../lib/gateway/status.ts';
import { startGateway } from '../harness/gateway.ts';
import { jsonOf, send } from '../harness/wire.ts';

const SECRETS = {
  GATEWAY_SECRET: 'gateway-secret-value-gateway-secret',
  GATEWAY_SECRET_PREVIOUS: 'previous-secret-value-previous-secret',
  GATEWAY_KEYS: 'alice:gateway-key-value',
  OPENAI_API_KEY: 'openai-key-value',
  ANTHROPIC_API_KEY: 'anthropic-key-value',
  UPSTREAM_EXTRA_HEADERS_JSON: '{"x-secret":"extra-header-value"}',
  PROXY_CONFIG: '{"own":{"host":"llm.example","defaultHeaders":{"x-secret":"default-header-value"}}}',
};

describe('health and status', () => {
  it('say how the gateway is set up, and no secret', async () => {
    const gateway = await startGateway({ env: { ...SECRETS, LOG_LEVEL: 'DEBUG', DEBUG: 'true' } });
    const texts: string[] = [];
    for (const path of ['/health', '/gateway/health', '/api/status']) {
      const answer = await send(gateway.url, path);
      expect(answer.status).toBe(200);
      expect(jsonOf(answer)).toMatchObject({
        status: 'ok',
        version: expect.any(String),
        timestamp: expect.any(String),
      });
      texts.push(answer.body.toString());
    }
    expect(jsonOf(await send(gateway.url, '/api/status'))).toMatchObject({
      mode: 'local',
      environment: {
        has_api_key: true,
        source_api_url: 'https://api.openai.com',
        gateway_keys: 1,
        require_gateway_key: false,
      },
      services: expect.arrayContaining([
        expect.objectContaining({ name: 'claude', has_api_key: true }),
        expect.objectContaining({ name: 'own', host: 'https://llm.example', has_api_key: false }),
      ]),
    });
    expect([...texts, ...gateway.lines].join('\n')).not.toMatch(/-value/);
    await gateway.stop();
  });

  it('a service whose path is a secret is not logged with it', async () => {
    const gateway = await startGateway({
      env: { PROXY_CONFIG: '{"telegram":{"host":"http://127.0.0.1:1"}}', ENABLE_RETRY: 'false' },
    });
    expect((await send(gateway.url, '/gateway/telegram/bot123:secret-token/getMe')).status).toBe(502);
    expect(gateway.lines.join('\n')).toContain('service=telegram');
    expect(gateway.lines.join('\n')).not.toContain('secret-token');
    await gateway.stop();
  });

  it('what the store holds is counted once a second, however often it is asked for', async () => {
    let now = 0;
    let counted = 0;
    const status = statusReader({
      config: readConfig({}),
      clock: { now: () => now },
      identifier: { isPrivate: true },
      describe: async () => {
        counted += 1;
        if (counted === 2) throw new Error('no store');
        return { jobs: counted };
      },
    });
    expect(await Promise.all([status(), status()])).toMatchObject([{ jobs: 1 }, { jobs: 1 }]);
    now = 999;
    expect(await status()).toMatchObject({ jobs: 1, timestamp: '1970-01-01T00:00:00.999Z' });
    now = 1_000;
    await expect(status()).rejects.toThrow('no store');
    expect(await status()).toMatchObject({ jobs: 3 });
  });
});
