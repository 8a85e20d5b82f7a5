import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { compositions } from '../harness/compositions.ts';
import { type Stand, startStand } from '../harness/stand.ts';
import { CLIENTS } from './clients/clients.ts';
import { levelled, needed, Outcomes } from './clients/outcomes.ts';
import { clientsDocument } from './clients/table.ts';
import { continuedJob, WAYS } from './clients/ways.ts';
import { asksForStream, POINT, pathsOf, served } from './provider.ts';

const DOCUMENT = join(import.meta.dirname, '../../docs/CLIENTS.md');
const outcomes = new Outcomes();

if (compositions.length < 2)
  console.warn('left out: whether docs/CLIENTS.md is what the clients give, as it tells of both compositions');

describe.each(compositions)('real clients, unmodified: $name', ({ start }) => {
  let stand: Stand;
  beforeAll(async () => {
    // Some clients warn of what they leave out of an answer.
    vi.spyOn(console, 'warn').mockReturnValue();
    stand = await startStand(start, { env: { CHUNK_DELAY_MS: '0', HEARTBEAT_INTERVAL_MS: '5' } });
    for (const [path, answer] of served()) stand.on(path, answer);
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    await stand.stop();
  });

  describe.each(CLIENTS)('$package, $format, $calls', (client) => {
    describe.each(WAYS.filter((way) => way.fits(client)))('$name', (way) => {
      // Each has paths of its own, and they wait more than they compute.
      it.concurrent.each(client.scenarios)('%s', async (scenario) => {
        outcomes.begin(client, way);
        const at = (url: string) => ({ url: `${url}/${scenario}`, headers: {}, fetch });
        const calls = () => pathsOf(client.format, scenario).flatMap((path) => stand.received(path));
        const before = new Set(calls());
        const compared = await way.run(client, at(`${stand.gateway.url}/gateway/local`), at(stand.upstreamUrl));
        const notes = client.notes ?? [];
        for (const one of compared) {
          const { through, direct } = levelled(one, notes);
          expect(through).toEqual(direct);
        }
        const said = JSON.stringify(compared.map(({ direct }) => direct));
        if (way !== continuedJob && !client.mute?.includes(scenario)) expect(said).toContain(POINT[scenario]);
        // Those that the gateway has made, for which the provider was asked as the way says.
        const forwarded = calls().filter((call) => !before.has(call) && call.headers.via !== undefined);
        expect(new Set(forwarded.map(asksForStream))).toEqual(new Set(way.asks));
        outcomes.pass(client, way, needed(compared, notes));
      });
    });
  });
});

describe('docs/CLIENTS.md', () => {
  const runs = compositions.length;
  const cells = CLIENTS.flatMap((client) => WAYS.filter((way) => way.fits(client)).map((way) => ({ client, way })));
  // Not so where only some tests were asked for.
  const areAllRun = () =>
    cells.every(({ client, way }) => outcomes.cell(client, way).begun === runs * client.scenarios.length);

  it.skipIf(runs < 2)('tells what the clients above have given', (context) => {
    context.skip(!areAllRun(), 'not every client was run');
    const made = clientsDocument(CLIENTS, outcomes, runs);
    if (process.env['UPDATE_DOCS'] === 'true') writeFileSync(DOCUMENT, made);
    expect(readFileSync(DOCUMENT, 'utf8'), 'npm run docs:clients writes it').toBe(made);
  });

  it('has no note that is no longer needed', (context) => {
    context.skip(!areAllRun(), 'not every client was run');
    const stale = CLIENTS.flatMap((client) =>
      (client.notes ?? []).filter((note) => !WAYS.some((way) => outcomes.cell(client, way).notes.has(note))),
    );
    expect(stale).toEqual([]);
  });
});
