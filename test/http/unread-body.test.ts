import { Agent, request as httpRequest } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningGateway, startGateway } from '../harness/gateway.ts';

let gateway: RunningGateway;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
beforeAll(async () => {
  gateway = await startGateway({ env: { MAX_REQUEST_SIZE: '1000000' } });
});
afterAll(async () => {
  agent.destroy();
  await gateway.stop();
});

function post(path: string, size: number, headers: Record<string, string> = {}) {
  return new Promise<{ status: number | undefined; connection: string | undefined }>((resolve, reject) => {
    const request = httpRequest(`${gateway.url}${path}`, { method: 'POST', agent, headers }, (response) => {
      response
        .resume()
        .on('end', () => resolve({ status: response.statusCode, connection: response.headers.connection }));
    });
    request.on('error', reject);
    request.end(Buffer.alloc(size, 'x'));
  });
}

it.each([
  ['a service that is not there', '/gateway/nowhere/v1/x', 300_000, {}, 404],
  ['a body that is too large', '/gateway/demo/v1/echo', 1_000_001, {}, 413],
  [
    'a body without a length that is too large',
    '/gateway/demo/v1/echo',
    1_000_001,
    { 'transfer-encoding': 'chunked' },
    413,
  ],
] as const)('after %s the next request of the same client is answered', async (_what, path, size, headers, status) => {
  expect(await post(path, size, headers)).toEqual({ status, connection: 'close' });
  expect(await post('/gateway/demo/v1/echo', 10)).toMatchObject({ status: 200, connection: 'keep-alive' });
});
