import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { json } from '../harness/answers.ts';
import { compositions } from '../harness/compositions.ts';
import { exchange, lines } from '../harness/raw.ts';
import { type Stand, startStand } from '../harness/stand.ts';
import { type FakeUpstream, startUpstream } from '../harness/upstream.ts';

const CLOSE = 'Connection: close';

/** Whatever stands in a request, it goes to the configured host; `decoy` is where it is tempted to go. */
describe.each(compositions)('where a call goes: $name', ({ start }) => {
  let stand: Stand;
  let decoy: FakeUpstream;
  let away: string;
  beforeAll(async () => {
    decoy = await startUpstream((_request, response) => void response.end('decoy'));
    away = new URL(decoy.url).host;
    stand = await startStand(start, { env: { GATEWAY_KEYS: 'app:a-gateway-key' } });
    stand.on('/redirect', json({}, 302, { location: `${decoy.url}/followed` }));
    stand.on('/redirect307', json({}, 307, { location: `//${away}/followed` }));
  });
  afterAll(async () => {
    await stand.stop();
    await decoy.stop();
  });

  const send = (target: string, ...headers: readonly string[]) =>
    exchange(stand.gateway.url, lines(`GET ${target} HTTP/1.1`, CLOSE, ...headers, '', ''));
  const host = () => new URL(stand.gateway.url).host;

  const HEADERS: Record<string, () => string[]> = {
    Host: () => [`Host: ${away}`],
    'X-Forwarded-Host': () => [`X-Forwarded-Host: ${away}`, 'X-Forwarded-Proto: http'],
    Forwarded: () => [`Forwarded: host=${away};proto=http`],
    'X-Original-URL': () => [`X-Original-URL: ${decoy.url}/x`, `X-Rewrite-URL: ${decoy.url}/x`],
    'X-Host': () => [`X-Host: ${away}`, `X-Forwarded-Server: ${away}`, `X-HTTP-Host-Override: ${away}`],
    Via: () => [`Via: 1.1 ${away}`],
    Origin: () => [`Origin: ${decoy.url}`, `Referer: ${decoy.url}/`],
    'X-Vercel-Deployment-Url': () => [`X-Vercel-Deployment-Url: ${away}`, `X-Vercel-Forwarded-Host: ${away}`],
    'X-Gateway-Host': () => [`X-Gateway-Host: ${away}`, `X-Gateway-Service: ${decoy.url}`],
  };

  it.each(Object.keys(HEADERS))('is not chosen by the header %s', async (name) => {
    const path = stand.on(`/by-header/${name}`, json({}));
    const given = HEADERS[name]?.() ?? [];
    const hosted = name === 'Host' ? given : [`Host: ${host()}`, ...given];
    // What the edge runs, what it hands on for a key that it does not have, and a job.
    await send(`/gateway/local${path}`, ...hosted);
    await send(`/gateway/local${path}`, ...hosted, 'Authorization: Bearer a-gateway-key');
    await send(`/gateway/local${path}`, ...hosted, 'Idempotency-Key: one');
    const received = stand.received(path);
    expect(received.length).toBeGreaterThan(0);
    for (const { headers } of received) expect(headers.host).toBe(new URL(stand.upstreamUrl).host);
    expect(decoy.received).toEqual([]);
  });

  it.each([
    ['an absolute target', (to: string) => `http://${to}/gateway/local/x`],
    ['an absolute target of https', (to: string) => `https://${to}/gateway/local/x`],
    ['two slashes', (to: string) => `/gateway/local//${to}/x`],
    ['two slashes at the start', (to: string) => `//${to}/gateway/local/x`],
    ['an @', (to: string) => `/gateway/local/@${to}/x`],
    ['an @ without a slash', (to: string) => `/gateway/local@${to}/x`],
    ['a user', (to: string) => `/gateway/local/x:y@${to}/`],
    ['a URL as the path', (to: string) => `/gateway/local/http://${to}/x`],
    ['a URL as the service', (to: string) => `/gateway/http:%2F%2F${to}/x`],
    ['a host as the service', (to: string) => `/gateway/${to}/x`],
    ['an encoded slash', (to: string) => `/gateway/local/%2F%2F${to}/x`],
    ['an encoded slash behind the service', (to: string) => `/gateway/local%2F%2F${to}/x`],
    ['an encoded backslash', (to: string) => `/gateway/local/%5C%5C${to}/x`],
    ['a backslash', (to: string) => `/gateway/local/\\\\${to}/x`],
    ['dot segments', (to: string) => `/gateway/local/../../..//${to}/x`],
    ['encoded dot segments', (to: string) => `/gateway/local/%2e%2e/%2e%2e//${to}/x`],
    ['a fragment', (to: string) => `/gateway/local/x#@${to}/`],
    ['a query', (to: string) => `/gateway/local/x?host=${to}&url=http://${to}/&@${to}`],
    ['a port', (to: string) => `/gateway/local:${to.split(':')[1]}/x`],
    ['IPv6', (to: string) => `/gateway/local/@[::ffff:127.0.0.1]:${to.split(':')[1]}/`],
    ['a number for an address', (to: string) => `/gateway/local/@2130706433:${to.split(':')[1]}/`],
    ['a full-width dot and slash', (to: string) => `/gateway/local/%EF%BC%8F%EF%BC%8F${to}/%E3%80%82x`],
    ['a name of another script', () => '/gateway/%D0%BB%D0%BEcal/x'],
    ['CR and LF', (to: string) => `/gateway/local/x%0d%0aHost:%20${to}`],
    ['the default door', (to: string) => `/v1/../../${to}/v1/x`],
    ['the default door, two slashes', (to: string) => `/v1//${to}/x`],
  ])('is not chosen by %s', async (_trick, target) => {
    for (const more of [[], ['Authorization: Bearer a-gateway-key'], ['Prefer: respond-async, wait=2']]) {
      const [answer] = await send(target(away), `Host: ${host()}`, ...more);
      expect(answer?.body).not.toContain('decoy');
    }
    expect(decoy.received).toEqual([]);
  });

  it.each([
    ['//TO/x', {}],
    ['/@TO/x', {}],
    ['/\\\\TO/x', {}],
    ['/x', { host: 'TO', 'x-forwarded-host': 'TO', forwarded: 'host=TO' }],
    ['/%2F%2FTO', {}],
  ])('is not chosen by the path or headers of a job: %s %o', async (path, headers) => {
    const caller = stand.caller('sk-of-a-job');
    const named = JSON.parse(JSON.stringify({ path, headers }).replaceAll('TO', away));
    const { id } = await caller.submit(named.path, { headers: named.headers, retries: 0 });
    await caller.ended(id);
    expect(decoy.received).toEqual([]);
  });

  it.each(['https://TO/x', 'TO/x', 'http:/TO', '@TO', '', ' /x', '/x\n'])('no job has the path %j', async (path) => {
    const request = { service: 'local', path: path.replace('TO', away) };
    expect((await stand.caller('sk').post('/api/jobs', request)).status).toBe(400);
  });

  it('is not chosen by a provider: its redirects are answers', async () => {
    for (const path of ['/redirect', '/redirect307']) {
      const [answer] = await send(`/gateway/local${path}`, `Host: ${host()}`);
      expect([302, 307]).toContain(answer?.status);
      const caller = stand.caller('sk');
      const { id } = await caller.submit(path, { retries: 0 });
      await caller.ended(id);
    }
    expect(decoy.received).toEqual([]);
  });
});
