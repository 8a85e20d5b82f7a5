import { describe, expect, it } from 'vitest';
import { type Envelope, envelopeOf, GatewayError, isErrorCode, renderError } from '../../lib/http/errors.ts';
import { startThrough } from '../harness/through.ts';
import { jsonOf, post } from '../harness/wire.ts';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe('the one shape of errors', () => {
  const error = new GatewayError('upstream_timeout', { param: 'x', extra: { job: { id: 'job_1' } } });
  const shape = async (envelope: Envelope) => {
    const response = renderError(error, 'req_1', envelope);
    expect(response.status).toBe(504);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('x-should-retry')).toBe('false');
    return response.json();
  };

  it('as OpenAI’s clients and those of the first gateway read it', async () => {
    expect(await shape('openai')).toEqual({
      error: {
        message: expect.stringContaining('in time'),
        type: 'TIMEOUT',
        code: 'upstream_timeout',
        param: 'x',
        request_id: 'req_1',
        timestamp: expect.stringMatching(TIME),
        job: { id: 'job_1' },
      },
      status: 504,
    });
  });

  it("as Anthropic's clients read it", async () => {
    expect(await shape('anthropic')).toMatchObject({
      type: 'error',
      error: { type: 'TIMEOUT', message: expect.any(String), code: 'upstream_timeout' },
      request_id: 'req_1',
    });
  });

  it("as Gemini's clients read it", async () => {
    expect(await shape('gemini')).toMatchObject({
      error: { code: 504, status: 'TIMEOUT', reason: 'upstream_timeout', message: expect.any(String) },
    });
  });

  it.each([
    ['/gateway/anthropic/v1/messages', 'anthropic'],
    ['/gateway/claude/v1/messages/batches', 'anthropic'],
    ['/v1/messages/count_tokens', 'anthropic'],
    ['/gateway/gemini/v1beta/models/gemini-2.5-pro:generateContent', 'gemini'],
    ['/v1/models/x:embedContent', 'gemini'],
    ['/gateway/gemini/v1beta/openai/chat/completions', 'openai'],
    ['/v1/chat/completions', 'openai'],
    ['/v1/threads/t/messages', 'openai'],
    ['/v1/messagesque', 'openai'],
    ['/v1/models', 'openai'],
  ])('%s: %s', (path, envelope) => {
    expect(envelopeOf(path)).toBe(envelope);
  });

  it('knows its own codes', () => {
    expect(['internal', 'toString', 'nonsense', ''].map(isErrorCode)).toEqual([true, false, false, false]);
  });
});

describe('over HTTP', () => {
  it('each path has the envelope of its readers; a provider’s own error passes untouched', async () => {
    const told = '{"error":{"message":"teapot","type":"x"}}\n';
    const { gateway, stop } = await startThrough(({ url }, response) => {
      if (!url.startsWith('/own')) return void response.socket?.destroy();
      response.writeHead(418, { 'content-type': 'application/json' }).end(told);
    });
    const call = (path: string) => post(gateway.url, `/gateway/local${path}`, {});
    expect(jsonOf(await call('/v1/chat/completions'))).toMatchObject({ error: { code: 'upstream_reset' } });
    expect(jsonOf(await call('/v1/messages'))).toMatchObject({ type: 'error', error: { type: 'NETWORK' } });
    expect(jsonOf(await call('/v1beta/models/g:generateContent'))).toMatchObject({
      error: { code: 502, status: 'NETWORK', reason: 'upstream_reset' },
    });
    const nowhere = await post(gateway.url, '/nowhere/%6dodels/m:generate', {});
    expect(jsonOf(nowhere)).toMatchObject({ error: { code: 'not_found' }, status: 404 });
    const own = await call('/own');
    expect([own.status, own.body.toString()]).toEqual([418, told]);
    await stop();
  });
});
