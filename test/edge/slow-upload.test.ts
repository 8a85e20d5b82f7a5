import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { jsonOf, send } from '../harness/wire.ts';
import { startEdgeStand } from './stand.ts';

const LIMIT_MS = 1_500;
const UPLOAD_MS = 1_000;
/** Within the platform's limit by itself, beyond it after such an upload. */
const ANSWER_MS = 1_000;

async function* slowly() {
  yield Buffer.from('{"ask":');
  await wait(UPLOAD_MS);
  yield Buffer.from('"it"}');
}

const upload = { method: 'POST', headers: { 'content-type': 'application/json' } };

describe('the time to the first byte begins when the call comes in, not when its body is there', () => {
  it.each([
    ['a call of the edge', '/gateway/local/quick', null],
    ['a call that is handed on', '/gateway/local/v1/embeddings', null],
    ['a call that the edge takes over', '/gateway/local/v1/embeddings', 404],
  ])('%s', async (_name, path, platform) => {
    const stand = await startEdgeStand(
      async (_request, response) => {
        await wait(ANSWER_MS);
        response.end('ok');
      },
      {
        firstByte: LIMIT_MS,
        platform: (request) =>
          platform !== null && request.url.includes('/api/gateway/background')
            ? new Response('platform', { status: platform })
            : null,
      },
    );
    const quick = await send(stand.gateway.url, path, { ...upload, body: '{"ask":"it"}' });
    expect(quick.status).toBe(200);
    const slow = await send(stand.gateway.url, path, { ...upload, body: slowly() });
    expect([slow.status, jsonOf(slow)]).toMatchObject([504, { error: { code: 'upstream_timeout' } }]);
    await stand.stop();
  });
});
