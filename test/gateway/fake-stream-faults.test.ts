import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startThrough, type Through } from '../harness/through.ts';
import { jsonOf, post } from '../harness/wire.ts';
import { ASK, CHAT, COMPLETION, dataOf } from './fake-stream.fixtures.ts';

const ERROR = { message: 'Incorrect API key', type: 'invalid_request_error', param: null, code: 'invalid_api_key' };

/** What goes wrong once the status has been sent: it comes as OpenAI's own error frame, which raises in every SDK. */
describe('a replay that fails late', () => {
  let through: Through;
  beforeAll(async () => {
    through = await startThrough(
      ({ headers }, response) => {
        const kind = headers['x-kind'] ?? '';
        if (kind === 'reset') return void response.destroy();
        if (kind === 'silent') return;
        if (kind === 'stalls') return void response.writeHead(200).write('{"id":');
        if (kind === 'cut')
          return void response.writeHead(200, { 'content-length': 99 }).write('{', () => response.destroy());
        if (kind === 'large') return void response.end(JSON.stringify({ ...COMPLETION, more: 'x'.repeat(20_000) }));
        if (kind === 'html') return void response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad</h1>');
        if (kind === 'list') return void response.end('["no", "object"]');
        if (kind === 'no-choices') return void response.end('{"id":"x"}');
        response.writeHead(Number(kind), { 'content-type': 'application/json' }).end(JSON.stringify({ error: ERROR }));
      },
      {
        env: {
          ENABLE_RETRY: 'false',
          BACKGROUND_TIMEOUT: '300',
          STREAM_IDLE_TIMEOUT: '300',
          MAX_RESPONSE_SIZE: '10000',
        },
      },
    );
  });
  afterAll(() => through.stop());

  const frames = async (kind: string) => {
    const answer = await post(through.gateway.url, CHAT, ASK, { 'x-kind': kind });
    expect([answer.status, answer.complete]).toEqual([200, true]);
    return dataOf(answer.body.toString());
  };

  it.each(['400', '401', '403', '429', '500', '503'])(
    "with the provider's own %s tells the provider's own error",
    async (status) => {
      expect(await frames(status)).toEqual([{ error: ERROR }]);
    },
  );

  it.each([
    ['reset', 'NETWORK', 'upstream_reset'],
    ['cut', 'NETWORK', 'upstream_reset'],
    ['silent', 'TIMEOUT', 'upstream_timeout'],
    ['stalls', 'TIMEOUT', 'upstream_idle'],
    ['large', 'SIZE_LIMIT', 'response_too_large'],
    ['list', 'NETWORK', 'upstream_malformed'],
    ['no-choices', 'NETWORK', 'upstream_malformed'],
    ['html', 'UNKNOWN', 'upstream_status'],
  ])('%s: %s, %s', async (kind, type, code) => {
    expect(await frames(kind)).toEqual([{ error: { message: expect.any(String), type, code, param: null } }]);
  });
});

describe('a replay that is refused early', () => {
  it('has a status of its own', async () => {
    const through = await startThrough((_request, response) => void response.end('{}'), {
      env: { MAX_REQUEST_SIZE: '2000000' },
    });
    const large = await post(through.gateway.url, CHAT, { ...ASK, picture: 'x'.repeat(2_100_000) });
    expect(large.status).toBe(413);
    const speed = await post(through.gateway.url, CHAT, ASK, { 'x-replay-speed': 'ludicrous' });
    expect(speed.status).toBe(400);
    expect(jsonOf(speed)).toMatchObject({ error: { param: 'X-Replay-Speed' } });
    expect(through.upstream.received).toEqual([]);
    await through.stop();
  });
});
