import { afterEach, describe, expect, it } from 'vitest';
import { AddressRefused, type Resolve, type WebhookClient, webhookClient } from '../../lib/webhook/post.ts';
import { type FakeUpstream, type Handler, startUpstream } from '../harness/upstream.ts';

let receiver: FakeUpstream;
let client: WebhookClient;
afterEach(async () => {
  await client.close();
  await receiver.stop();
});

const LOOPBACK = { address: '127.0.0.1', family: 4 };
const PUBLIC = { address: '8.8.8.8', family: 4 };

async function open(handler: Handler, allowPrivate: boolean, resolve?: Resolve) {
  receiver = await startUpstream(handler);
  client = webhookClient({ allowPrivate, ...(resolve ? { resolve } : {}) });
  const { port } = new URL(receiver.url);
  return (host: string, path = '/hook?a=1') =>
    client.post({ url: `http://${host}:${port}${path}`, headers: { 'x-test': '1' }, body: '{}', timeoutMs: 1_000 });
}

const ok: Handler = (_request, response) => void response.writeHead(204).end();

describe('a call of a webhook', () => {
  it('is made once, with path and query, headers and body', async () => {
    const post = await open(ok, true);
    expect((await post('127.0.0.1')).status).toBe(204);
    expect(receiver.received).toMatchObject([
      { method: 'POST', url: '/hook?a=1', headers: { 'x-test': '1' }, body: Buffer.from('{}') },
    ]);
  });

  it('follows no redirect', async () => {
    const post = await open((request, response) => {
      if (request.url === '/hook') response.writeHead(302, { location: '/elsewhere' }).end();
      else response.writeHead(200).end();
    }, true);
    expect((await post('127.0.0.1', '/hook')).status).toBe(302);
    expect(receiver.received.map(({ url }) => url)).toEqual(['/hook']);
  });

  it('takes no answer without end: only its beginning is read', async () => {
    const post = await open((_request, response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    }, true);
    expect((await post('127.0.0.1')).status).toBe(200);
  });

  it('is told by the status alone: what stands still behind it, or breaks off, does not matter', async () => {
    const still = await open((_request, response) => void response.writeHead(200).write('x'), true);
    expect((await still('127.0.0.1')).status).toBe(200);
  });

  it('ends in time where there is no answer', async () => {
    const post = await open(() => undefined, true);
    await expect(post('127.0.0.1')).rejects.toMatchObject({ name: 'TimeoutError' });
  });

  it.each(['127.0.0.1', '[::ffff:127.0.0.1]', '2130706433'])(
    'does not go to an address of this machine: %s',
    async (host) => {
      const post = await open(ok, false);
      await expect(post(host)).rejects.toBeInstanceOf(AddressRefused);
      expect(receiver.received).toEqual([]);
    },
  );

  it.each([
    ['to this machine', [LOOPBACK]],
    ['to both', [PUBLIC, LOOPBACK]],
    ['to the address of a cloud’s metadata', [{ address: '169.254.169.254', family: 4 }]],
    ['to a mapped one', [{ address: '::ffff:127.0.0.1', family: 6 }]],
  ])('does not go where a name leads %s', async (_where, addresses) => {
    const post = await open(ok, false, (_hostname, callback) => callback(null, addresses));
    await expect(post('hooks.example')).rejects.toMatchObject({ code: 'ERR_ADDRESS_REFUSED' });
    expect(receiver.received).toEqual([]);
  });

  it('goes to the address that was looked at, whatever the name leads to a moment later', async () => {
    const answers = [[PUBLIC], [LOOPBACK]];
    let asked = 0;
    const post = await open(ok, false, (_hostname, callback) => callback(null, answers[asked++] ?? []));
    // There is no way out of here: the connection to the public address fails, and no other is tried.
    await expect(post('hooks.example')).rejects.not.toBeInstanceOf(AddressRefused);
    expect(asked).toBe(1);
    expect(receiver.received).toEqual([]);
  });

  it('tells a name that leads nowhere', async () => {
    const post = await open(ok, false, (_hostname, callback) =>
      callback(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), []),
    );
    await expect(post('hooks.example')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });
});
